#!/usr/bin/env python3
"""Two hosts in network namespaces and the network between them, emulated in this process.

The hosts are NAME-server (10.99.0.1, and 10.99.1.1 to 10.99.1.N with --addresses N) and NAME-reader
(10.99.0.2). Prints a line of JSON when they are there. Reads lines: `cut` and `join` stop and resume the
traffic, and each is answered with a line that has the time in Unix milliseconds. Ends, and removes the hosts, at the
end of input or a signal. Needs root and iproute2.
"""

import argparse
import heapq
import json
import os
import select
import signal
import socket
import sys
import time

import hosts
from link import Link, Terms

ETHERTYPE_IPV4 = b"\x08\x00"
PROTOCOL_UDP = 17
ALL_PROTOCOLS = 3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default=f"bench{os.getpid()}", help="what the namespaces begin with")
    parser.add_argument("--addresses", type=int, default=0, help="how many addresses more the server has")
    parser.add_argument("--direct", action="store_true", help="join the hosts without this process between them")
    parser.add_argument("--delay", type=float, default=0, help="one way, in ms")
    parser.add_argument("--jitter", type=float, default=0, help="in ms, either way")
    parser.add_argument("--loss", type=float, default=0, help="in percent, each direction")
    parser.add_argument("--burst", type=float, default=0, help="ms for which all is lost, on average (Gilbert-Elliott); --loss is the share of the time")
    parser.add_argument("--rate", type=float, default=0, help="in kbit/s, each direction")
    parser.add_argument("--queue", type=int, default=65536, help="bytes that may wait where there is a rate")
    parser.add_argument("--block-udp", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def is_udp(frame):
    return frame[12:14] == ETHERTYPE_IPV4 and len(frame) > 23 and frame[23] == PROTOCOL_UDP


def packet_socket(device):
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    opened.bind((device, 0))
    opened.setblocking(False)
    return opened


class Network:
    """Carries frames between two devices by the rules of two links."""

    def __init__(self, devices, links):
        self.sockets = [packet_socket(device) for device in devices]
        self.links = links
        self.waiting = []
        self.count = 0

    def cut(self, is_cut):
        for link in self.links:
            link.is_cut = is_cut
        if is_cut:
            self.waiting.clear()

    def deliver(self, now):
        """Sends what is due, and says how long until the next."""
        while self.waiting and self.waiting[0][0] <= now:
            _, _, to, frame = heapq.heappop(self.waiting)
            try:
                self.sockets[to].send(frame)
            except OSError:
                # A full device drops, as any does.
                pass
        return max(0.0, self.waiting[0][0] - now) if self.waiting else None

    def take(self, side):
        """Reads what has come from a host; at most some, so that what is due does not wait for it."""
        for _ in range(64):
            try:
                frame, address = self.sockets[side].recvfrom(65536)
            except BlockingIOError:
                return
            if address[2] == socket.PACKET_OUTGOING:
                continue
            arrival = self.links[side].send(time.monotonic(), len(frame), is_udp(frame))
            if arrival is not None:
                self.count += 1
                heapq.heappush(self.waiting, (arrival, self.count, 1 - side, frame))


def tell(**what):
    print(json.dumps(what), flush=True)


def run(network):
    """Until the end of input. `network` is None where the hosts are joined directly."""
    inputs = [sys.stdin] + (network.sockets if network else [])
    while True:
        wait = network.deliver(time.monotonic()) if network else None
        ready, _, _ = select.select(inputs, [], [], wait)
        for source in ready:
            if source is not sys.stdin:
                network.take(network.sockets.index(source))
                continue
            line = sys.stdin.readline()
            if not line:
                return
            command = line.strip()
            if network is None or command not in ("cut", "join"):
                tell(error=f"{command!r} is not known here: say 'cut' or 'join' to an emulated network")
                continue
            network.cut(command == "cut")
            tell(**{command: time.time() * 1000})


def stop(*_):
    raise SystemExit(0)


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    # Who started this process closes its input when it ends; Ctrl-C in a terminal comes to both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        devices = hosts.add(options.name, options.addresses, options.direct)
        network = None
        if not options.direct:
            terms = Terms(
                delay=options.delay / 1000,
                jitter=options.jitter / 1000,
                loss=options.loss / 100,
                burst=options.burst / 1000,
                rate=options.rate * 1000,
                queue=options.queue,
                block_udp=options.block_udp,
            )
            network = Network(devices, [Link(terms, options.seed), Link(terms, options.seed + 1)])
        tell(ready=True, server=f"{options.name}-server", reader=f"{options.name}-reader")
        run(network)
    finally:
        hosts.remove(options.name)


if __name__ == "__main__":
    main()
