"""`python3 -m unittest discover bench/tests`: the model of a link, without a network."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from link import Link, Terms  # noqa: E402

SIZE = 1000


def lost(link, count):
    """Of each packet whether it was lost; one a millisecond."""
    return [link.send(number / 1000, SIZE) is None for number in range(count)]


def bursts(losses):
    lengths, length = [], 0
    for is_lost in [*losses, False]:
        if is_lost:
            length += 1
        elif length:
            lengths.append(length)
            length = 0
    return lengths


class LinkTest(unittest.TestCase):
    def test_a_packet_arrives_after_the_delay(self):
        self.assertEqual(Link(Terms(delay=0.02), 1).send(5.0, SIZE), 5.02)

    def test_as_many_are_lost_as_terms_say(self):
        losses = lost(Link(Terms(loss=0.05), 1), 50_000)
        self.assertAlmostEqual(sum(losses) / len(losses), 0.05, delta=0.004)

    def test_the_same_seed_loses_the_same(self):
        terms = Terms(loss=0.1)
        self.assertEqual(lost(Link(terms, 7), 500), lost(Link(terms, 7), 500))
        self.assertNotEqual(lost(Link(terms, 7), 500), lost(Link(terms, 8), 500))

    def test_bursts_are_as_long_and_lose_as_much_as_terms_say(self):
        losses = lost(Link(Terms(loss=0.03, burst=0.02), 1), 400_000)
        lengths = bursts(losses)
        self.assertAlmostEqual(sum(losses) / len(losses), 0.03, delta=0.004)
        self.assertAlmostEqual(sum(lengths) / len(lengths), 20, delta=2)

    def test_a_burst_does_not_wait_for_who_sends_less(self):
        link = Link(Terms(loss=0.03, burst=0.02), 1)
        losses = [link.send(float(number), SIZE) is None for number in range(50_000)]
        lengths = bursts(losses)
        self.assertAlmostEqual(sum(losses) / len(losses), 0.03, delta=0.004)
        self.assertLess(sum(lengths) / len(lengths), 1.1)

    def test_packets_leave_one_after_another_at_the_rate(self):
        link = Link(Terms(rate=80_000), 1)
        self.assertEqual([link.send(0.0, SIZE) for _ in range(3)], [0.1, 0.2, 0.30000000000000004])
        # An idle link sends at once.
        self.assertAlmostEqual(link.send(10.0, SIZE), 10.1)

    def test_what_the_queue_has_no_room_for_is_lost(self):
        link = Link(Terms(rate=80_000, queue=3 * SIZE), 1)
        self.assertEqual([link.send(0.0, SIZE) is None for _ in range(5)], [False, False, False, True, True])
        # Half of what waited has left by now.
        self.assertIsNotNone(link.send(0.15, SIZE))

    def test_what_is_lost_has_taken_its_time_on_the_wire(self):
        link = Link(Terms(rate=80_000, loss=1.0), 1)
        link.send(0.0, SIZE)
        link.terms.loss = 0.0
        self.assertAlmostEqual(link.send(0.0, SIZE), 0.2)

    def test_jitter_delays_but_keeps_the_order(self):
        link = Link(Terms(delay=0.02, jitter=0.015), 1)
        arrivals = [link.send(number / 1000, SIZE) for number in range(1000)]
        self.assertEqual(arrivals, sorted(arrivals))
        late = [arrival - number / 1000 for number, arrival in enumerate(arrivals)]
        self.assertGreaterEqual(min(late), 0.005)
        self.assertGreater(max(late) - min(late), 0.01)

    def test_nothing_arrives_while_it_is_cut(self):
        link = Link(Terms(), 1)
        link.is_cut = True
        self.assertIsNone(link.send(0.0, SIZE))
        link.is_cut = False
        self.assertEqual(link.send(1.0, SIZE), 1.0)

    def test_only_udp_is_blocked(self):
        link = Link(Terms(block_udp=True), 1)
        self.assertIsNone(link.send(0.0, SIZE, is_udp=True))
        self.assertIsNotNone(link.send(0.0, SIZE))


if __name__ == "__main__":
    unittest.main()
