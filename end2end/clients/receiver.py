"""The reader's side of topics: packets in, what is new and acknowledgements out. No clock, no I/O."""

from dataclasses import dataclass

from values import read_packet, write_acknowledgement

# How long an acknowledgement may wait, in seconds.
MAX_HELD = 0.025
# The most ranges of an acknowledgement.
MAX_RANGES = 32
# How many packets a sender remembers: what is older has been sent again.
MAX_PACKETS = 1024


@dataclass
class Update:
    """A key has another value, or none any more."""

    subscription: int
    key: str
    version: int
    # How long ago it had changed when the packet left, in milliseconds.
    age: int
    is_snapshot: bool
    # None where the key was removed.
    value: bytes | None


class Keys:
    """What is known of a subscription's keys. It lives as long as a test, and forgets nothing."""

    def __init__(self):
        # By alias: the key, or None once that is gone, and since which version.
        self.aliases = {}
        # By key: the version, the alias, and whether the key is gone.
        self.newest = {}
        # The versions of values that count by themselves and have come.
        self.events = set()

    def take(self, entry):
        """Yields what is new."""
        if entry.is_event:
            # What was taken for lost comes twice.
            if entry.version not in self.events:
                self.events.add(entry.version)
                yield update(entry, entry.name)
            return
        known, since = self.aliases.get(entry.alias, (None, 0))
        # What the alias was before.
        if since > entry.version:
            return
        if entry.value is None:
            yield from self.free(entry, known)
            self.aliases[entry.alias] = (None, entry.version)
            return
        if entry.name is not None:
            # Another key's until now: that one has been removed.
            if known != entry.name:
                yield from self.free(entry, known)
            self.aliases[entry.alias] = (entry.name, entry.version)
        key = known if entry.name is None else entry.name
        if key is None or (key in self.newest and self.newest[key][0] >= entry.version):
            return
        self.newest[key] = (entry.version, entry.alias, False)
        yield update(entry, key)

    def free(self, entry, key):
        version, alias, is_gone = self.newest.get(key, (0, None, True))
        if alias == entry.alias and not is_gone:
            self.newest[key] = (version, alias, True)
            yield Update(entry.subscription, key, version, entry.age, entry.is_snapshot, None)


def update(entry, key):
    return Update(entry.subscription, key, entry.version, entry.age, entry.is_snapshot, entry.value)


class Receiver:
    def __init__(self):
        self.subscriptions = {}
        self.ranges = []
        self.largest_at = 0
        self.waiting = 0
        # When an acknowledgement is due, in seconds of the caller's clock.
        self.acknowledge_at = None

    def subscribe(self, subscription):
        self.subscriptions[subscription] = Keys()

    def handle(self, now, message):
        """Takes in a packet, and returns what is new by it."""
        packet = read_packet(message)
        if not self.came(now, packet.number):
            return []
        known = [entry for entry in packet.entries if entry.subscription in self.subscriptions]
        return [new for entry in known for new in self.subscriptions[entry.subscription].take(entry)]

    def acknowledgement(self, now):
        """The acknowledgement that is due, if one is."""
        if self.acknowledge_at is None or self.acknowledge_at > now:
            return None
        self.acknowledge_at, self.waiting = None, 0
        return write_acknowledgement(self.ranges, max(0, round((now - self.largest_at) * 1e6)))

    def came(self, now, number):
        largest = self.ranges[0][1] if self.ranges else number - 1
        self.waiting += 1
        # At once for each second one, and for what is out of order (RFC 9000 section 13.2).
        at = now if self.waiting >= 2 or number != largest + 1 else now + MAX_HELD
        self.acknowledge_at = at if self.acknowledge_at is None else min(self.acknowledge_at, at)
        if number + MAX_PACKETS <= largest or any(first <= number <= last for first, last in self.ranges):
            return False
        if number > largest:
            self.largest_at = now
        self.ranges = joined(self.ranges + [(number, number)])
        forgotten, self.ranges = self.ranges[MAX_RANGES:], self.ranges[:MAX_RANGES]
        # One that cannot be acknowledged comes again.
        return (number, number) not in forgotten


def joined(ranges):
    """The highest first, and those that touch as one."""
    together = []
    for first, last in sorted(ranges, reverse=True):
        if together and together[-1][0] == last + 1:
            together[-1] = (first, together[-1][1])
        else:
            together.append((first, last))
    return together
