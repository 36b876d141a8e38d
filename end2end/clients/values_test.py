"""Checks values.py against crates/wire/vectors/values.json, as the JavaScript client and the server are."""

import json
import unittest
from pathlib import Path

from receiver import Receiver
from values import Entry, LogEntry, Packet, read_log_entry, read_packet, write_acknowledgement

VECTORS = json.loads((Path(__file__).parents[2] / "crates/wire/vectors/values.json").read_text())


def content(value):
    return None if value is None else bytes.fromhex(value)


def about(entry):
    return {"content_type": entry.get("contentType", ""), "by": entry.get("by", "")}


class Values(unittest.TestCase):
    def each(self, kind):
        self.assertTrue(VECTORS[kind])
        for vector in VECTORS[kind]:
            with self.subTest(vector):
                yield vector

    def test_packets_are_read_as_the_server_writes_them(self):
        for vector in self.each("packets"):
            packet = Packet(vector["packet"]["number"])
            for entry in vector["packet"]["entries"]:
                plain = {name: entry[name] for name in ("subscription", "alias", "name", "version", "age")}
                flags = {"is_snapshot": entry["isSnapshot"], "is_event": entry["isEvent"]}
                packet.entries.append(Entry(**plain, **flags, **about(entry), value=content(entry["value"])))
            self.assertEqual(read_packet(bytes.fromhex(vector["hex"])), packet)

    def test_entries_of_logs_are_read_as_the_server_writes_them(self):
        for vector in self.each("logEntries"):
            entry = vector["entry"]
            plain = {name: entry[name] for name in ("subscription", "position", "age", "key")}
            expected = LogEntry(**plain, **about(entry), value=content(entry["value"]))
            self.assertEqual(read_log_entry(bytes.fromhex(vector["hex"])), expected)

    def test_what_is_no_packet_is_an_error(self):
        for vector in self.each("bad"):
            with self.assertRaises(ValueError):
                read_packet(bytes.fromhex(vector))

    def test_acknowledgements_are_written_as_the_server_reads_them(self):
        for vector in self.each("acknowledgements"):
            acknowledgement = vector["acknowledgement"]
            written = write_acknowledgement(acknowledgement["ranges"], acknowledgement["held"])
            self.assertEqual(written.hex(), vector["hex"])


def packet(number, *entries):
    """A packet of small numbers: flags, subscription, alias, perhaps the key, version, age, perhaps the value."""
    return bytes([0, number]) + b"".join(entries)


class Receiving(unittest.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.receiver.subscribe(1)

    def news(self, message, now=0):
        return [(update.key, update.version, update.value) for update in self.receiver.handle(now, message)]

    def test_what_is_not_newer_is_passed_over(self):
        self.assertEqual(self.news(packet(1, b"\2\1\0\1a\5\0\1x")), [("a", 5, b"x")])
        self.assertEqual(self.news(packet(1, b"\2\1\0\1a\6\0\1y")), [])
        self.assertEqual(self.news(packet(0, b"\2\1\0\1a\4\0\1w")), [])
        self.assertEqual(self.news(packet(2, b"\0\1\0\6\0\1y")), [("a", 6, b"y")])
        self.assertEqual(self.news(packet(3, b"\2\2\0\1a\7\0\1z")), [])

    def test_an_alias_is_given_to_another_key(self):
        self.news(packet(0, b"\2\1\0\1a\5\0\1x"))
        self.assertEqual(self.news(packet(2, b"\2\1\0\1b\7\0\1y")), [("a", 5, None), ("b", 7, b"y")])
        # Of the key before.
        self.assertEqual(self.news(packet(1, b"\1\1\0\6\0")), [])
        self.assertEqual(self.news(packet(3, b"\1\1\0\x08\0")), [("b", 7, None)])

    def test_acknowledgements_say_what_has_come(self):
        self.news(packet(0), now=1)
        self.assertIsNone(self.receiver.acknowledgement(1))
        self.assertEqual(self.receiver.acknowledgement(1.025), write_acknowledgement([(0, 0)], 25_000))
        self.news(packet(2), now=2)
        self.assertEqual(self.receiver.acknowledgement(2), write_acknowledgement([(2, 2), (0, 0)], 0))
        self.news(packet(1), now=3)
        self.assertEqual(self.receiver.acknowledgement(3), write_acknowledgement([(0, 2)], 1_000_000))
        self.assertIsNone(self.receiver.acknowledgement(9))


if __name__ == "__main__":
    unittest.main()
