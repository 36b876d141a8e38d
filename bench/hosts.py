"""The two hosts: network namespaces with a virtual cable each."""

import ctypes
import fcntl
import socket
import struct
import subprocess

SERVER = "10.99.0.1"
READER = "10.99.0.2"
SIDES = (("server", SERVER, "02:99:00:00:00:01"), ("reader", READER, "02:99:00:00:00:02"))

# <linux/sockios.h> and <linux/ethtool.h>
SIOCETHTOOL = 0x8946
SET_TX_CHECKSUM, SET_SCATTER, SET_TSO, SET_GSO, SET_GRO = 0x17, 0x19, 0x1F, 0x24, 0x2C


def ip(*words, check=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"'ip {' '.join(words)}' failed: {done.stderr.strip()}. Start this as root, with iproute2 installed.")


def without_offload(device):
    """What a host sends are then packets of the size that a wire has, with checksums that hold."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in (SET_GRO, SET_GSO, SET_TSO, SET_TX_CHECKSUM, SET_SCATTER):
            value = bytearray(struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(), ctypes.addressof(ctypes.c_char.from_buffer(value)))
            try:
                fcntl.ioctl(control, SIOCETHTOOL, request)
            except OSError:
                # A device that does not have it has it off.
                pass


def devices_of(name):
    """Names of devices have 15 characters at most."""
    short = name[-11:]
    return [(f"{short}-{side[0]}0", f"{short}-{side[0]}1") for side, _, _ in SIDES]


def add(name, addresses, direct):
    """Makes the hosts, and gives the ends of their cables that are outside of them."""
    remove(name)
    pairs = devices_of(name)
    if direct:
        ip("link", "add", pairs[0][0], "type", "veth", "peer", "name", pairs[1][0])
    for (side, address, hardware), (inner, outer) in zip(SIDES, pairs):
        host = f"{name}-{side}"
        ip("netns", "add", host)
        if not direct:
            ip("link", "add", inner, "type", "veth", "peer", "name", outer)
            without_offload(inner)
            without_offload(outer)
        ip("link", "set", inner, "address", hardware)
        ip("link", "set", inner, "netns", host)
        subprocess.run(["ip", "netns", "exec", host, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"], check=False)
        ip("-n", host, "addr", "add", f"{address}/16", "dev", inner)
        if side == "server":
            for number in range(1, addresses + 1):
                ip("-n", host, "addr", "add", f"10.99.1.{number}/16", "dev", inner)
        ip("-n", host, "link", "set", "lo", "up")
        ip("-n", host, "link", "set", inner, "up")
        if not direct:
            ip("link", "set", outer, "up")
            # Nobody asks who has an address, so that no such question is lost on the way.
            _, other, other_hardware = SIDES[1 if side == "server" else 0]
            ip("-n", host, "neigh", "replace", other, "lladdr", other_hardware, "dev", inner, "nud", "permanent")
    return [outer for _, outer in pairs]


def remove(name):
    for side, _, _ in SIDES:
        ip("netns", "del", f"{name}-{side}", check=False)
    for inner, outer in devices_of(name):
        for device in (inner, outer):
            ip("link", "del", device, check=False)
