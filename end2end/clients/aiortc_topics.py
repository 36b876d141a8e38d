"""A reader of topics, with aiortc. Beside what clients/driver.mjs says:

  {"do":"topics"}                                    creates the channels; before the offer
  {"do":"subscribe","id":1,"topic":"prices",…}       what goes with it in crates/wire/src/control.rs

  {"event":"ready"}                                  both channels are open
  {"event":"value","subscription":1,"key":"…","version":7,"age":0,"isSnapshot":false,"value":"…"}, null of a key that is gone
  {"event":"entry","subscription":1,"key":"…","version":7,"age":0,"value":"…"}, of a log
  {"event":"complete"|"log"|"refused","subscription":1,…}, what the server says besides
"""

import asyncio
import json

from aiortc_client import Client, drive, tell
from receiver import Receiver
from values import read_log_entry

PROTOCOL = "tickwire.2"


class Reader(Client):
    def __init__(self):
        super().__init__()
        self.receiver = Receiver()
        self.acknowledging = None

    async def topics(self):
        self.control = self.pc.createDataChannel("control", protocol=PROTOCOL)
        self.values = self.pc.createDataChannel("values", protocol=PROTOCOL, ordered=False, maxRetransmits=0)
        self.control.on("message", self.on_control)
        self.values.on("message", self.on_values)
        for channel in (self.control, self.values):
            channel.on("open", self.on_open)

    async def subscribe(self, id, **wanted):
        self.receiver.subscribe(id)
        self.control.send(json.dumps({"type": "subscribe", "id": id, **wanted}))

    def on_open(self):
        if self.control.readyState == self.values.readyState == "open":
            tell("ready")

    def on_control(self, message):
        if isinstance(message, str):
            said = json.loads(message)
            tell(said.pop("type"), subscription=said.pop("id", None), **said)
            return
        entry = read_log_entry(message)
        about = {"key": entry.key, "version": entry.position, "age": entry.age, "value": entry.value.decode()}
        tell("entry", subscription=entry.subscription, **about)

    def on_values(self, message):
        loop = asyncio.get_running_loop()
        for new in self.receiver.handle(loop.time(), message):
            value = None if new.value is None else new.value.decode()
            about = {"version": new.version, "age": new.age, "isSnapshot": new.is_snapshot, "value": value}
            tell("value", subscription=new.subscription, key=new.key, **about)
        if self.acknowledging:
            self.acknowledging.cancel()
        at = self.receiver.acknowledge_at
        if at is None:
            return
        if at <= loop.time():
            self.acknowledge(loop.time())
        else:
            # asyncio may call early, by what its clock cannot tell apart.
            self.acknowledging = loop.call_at(at, lambda: self.acknowledge(max(at, loop.time())))

    def acknowledge(self, now):
        acknowledgement = self.receiver.acknowledgement(now)
        if acknowledgement and self.values.readyState == "open":
            self.values.send(acknowledgement)


if __name__ == "__main__":
    asyncio.run(drive(Reader()))
