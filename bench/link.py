"""What a link does to packets, as a model: it takes the time and says when a packet leaves, and does no I/O."""

import random
from dataclasses import dataclass


@dataclass
class Terms:
    """What one direction of a link is like. Times are seconds, sizes bytes, shares from 0 to 1."""

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    # With a burst, `loss` is the share of the time in which all is lost, and this how long that is on average.
    burst: float = 0.0
    # Bits a second; 0 for as fast as it comes.
    rate: float = 0.0
    queue: int = 65536
    block_udp: bool = False


class Link:
    """One direction. Packets keep their order, as they do on nearly all real paths."""

    def __init__(self, terms, seed):
        self.terms = terms
        self.random = random.Random(seed)
        self.is_cut = False
        self.is_in_burst = False
        self.changes_at = None
        self.free_at = 0.0
        self.last_arrival = 0.0

    def send(self, now, size, is_udp=False):
        """When the packet arrives, or None where it is lost."""
        terms = self.terms
        if self.is_cut or (terms.block_udp and is_udp):
            return None
        sent = self._transmit(now, size)
        # What is lost has taken its time on the wire all the same.
        if sent is None or self._is_lost(now):
            return None
        late = self.random.uniform(-terms.jitter, terms.jitter) if terms.jitter else 0.0
        self.last_arrival = max(self.last_arrival, sent + max(0.0, terms.delay + late))
        return self.last_arrival

    def _transmit(self, now, size):
        """When the last bit has left, or None where the queue is full."""
        rate = self.terms.rate
        if not rate:
            return now
        waiting = max(0.0, self.free_at - now) * rate / 8
        if waiting + size > self.terms.queue:
            return None
        self.free_at = max(self.free_at, now) + size * 8 / rate
        return self.free_at

    def _is_lost(self, now):
        terms = self.terms
        if not terms.loss:
            return False
        if not terms.burst:
            return self.random.random() < terms.loss
        # Gilbert-Elliott with a bad state that loses all, in time: counted in packets, a sender that backs off
        # would stay in it for the longer the fewer it sends.
        means = {True: terms.burst, False: terms.burst * (1 - terms.loss) / terms.loss}
        if self.changes_at is None:
            self.changes_at = now + self.random.expovariate(1 / means[False])
        while self.changes_at <= now:
            self.is_in_burst = not self.is_in_burst
            self.changes_at += self.random.expovariate(1 / means[self.is_in_burst])
        return self.is_in_burst
