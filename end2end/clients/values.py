"""What travels on the channel `values`, and entries of logs on `control`: see crates/wire/src/values.rs. No I/O."""

from dataclasses import dataclass, field

PACKET = 0
ACKNOWLEDGEMENT = 1
LOG_ENTRY = 2
REMOVED = 1
NAMED = 2
SNAPSHOT = 4
EVENT = 8
ABOUT = 16


@dataclass
class Entry:
    """A key's value, or that it has none any more."""

    subscription: int
    # The key, by the number that it has in this subscription.
    alias: int
    # The key itself, where the reader may not know yet.
    name: str | None
    version: int
    # How long before the packet left it changed, in milliseconds.
    age: int
    is_snapshot: bool
    # Whether it counts by itself.
    is_event: bool
    # The value's media type, and what the client is called that has put it; empty where that is not said.
    content_type: str
    by: str
    # None where the key was removed.
    value: bytes | None


@dataclass
class LogEntry:
    subscription: int
    position: int
    # How long before the message left it was added, in milliseconds.
    age: int
    key: str
    content_type: str
    by: str
    value: bytes


@dataclass
class Packet:
    number: int
    entries: list[Entry] = field(default_factory=list)


class Message:
    """What is in a message, one after the other. A ValueError says that it ends too early, or is another."""

    def __init__(self, message, kind):
        self.left = memoryview(message)
        if self.byte() != kind:
            raise ValueError("the message is of another kind")

    def take(self, length):
        if length > len(self.left):
            raise ValueError("the message ends too early")
        taken, self.left = bytes(self.left[:length]), self.left[length:]
        return taken

    def byte(self):
        return self.take(1)[0]

    def number(self):
        """RFC 9000 section 16."""
        first = self.byte()
        rest = self.take((1 << (first >> 6)) - 1)
        return int.from_bytes(bytes([first & 0x3F]) + rest, "big")

    def bytes(self):
        return self.take(self.number())

    def text(self):
        return self.bytes().decode()

    def flags(self, known):
        flags = self.byte()
        if flags & ~known:
            raise ValueError(f"flags that are not known: {flags:#x}")
        return flags

    def about(self, flags):
        return (self.text(), self.text()) if flags & ABOUT else ("", "")


def read_packet(message):
    message = Message(message, PACKET)
    packet = Packet(message.number())
    while message.left:
        packet.entries.append(read_entry(message))
    return packet


def read_entry(message):
    flags = message.flags(REMOVED | NAMED | SNAPSHOT | EVENT | ABOUT)
    subscription, alias = message.number(), message.number()
    name = message.text() if flags & NAMED else None
    version, age = message.number(), message.number()
    content_type, by = message.about(flags)
    value = None if flags & REMOVED else message.bytes()
    is_snapshot, is_event = bool(flags & SNAPSHOT), bool(flags & EVENT)
    return Entry(subscription, alias, name, version, age, is_snapshot, is_event, content_type, by, value)


def read_log_entry(message):
    message = Message(message, LOG_ENTRY)
    flags = message.flags(ABOUT)
    subscription, position, age = message.number(), message.number(), message.number()
    key = message.text()
    content_type, by = message.about(flags)
    return LogEntry(subscription, position, age, key, content_type, by, bytes(message.left))


def number(value):
    """RFC 9000 section 16, in as few bytes as it can be."""
    for two_bits, length in enumerate((1, 2, 4, 8)):
        if value < 1 << (8 * length - 2):
            return (value | two_bits << (8 * length - 2)).to_bytes(length, "big")
    raise ValueError("a number above 2**62 - 1")


def write_acknowledgement(ranges, held):
    """Says which packets have come, from and to which number, the highest first, and for how many
    microseconds the highest was held."""
    (below, last), *more = ranges
    written = [last, held, last - below]
    for first, last in more:
        written += [below - last - 2, last - first]
        below = first
    return bytes([ACKNOWLEDGEMENT]) + b"".join(map(number, written))
