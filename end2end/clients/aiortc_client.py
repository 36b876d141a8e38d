"""What clients/driver.mjs says, with aiortc."""

import asyncio
import base64
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

# A line with a message of 64 KiB is longer than what asyncio takes by itself.
LONGEST_LINE = 1 << 20


def tell(event, **about):
    print(json.dumps({"event": event, **about}), flush=True)


def content(data):
    if isinstance(data, str):
        return {"text": data}
    return {"binary": base64.b64encode(data).decode()}


class Client:
    def __init__(self):
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channels = {}

    async def channel(self, channel, label, init):
        number, channel = channel, self.pc.createDataChannel(label, **init)
        self.channels[number] = channel
        # A channel that both sides create may be open as soon as it is there.
        if channel.readyState == "open":
            tell("open", channel=number)
        channel.on("open", lambda: tell("open", channel=number))
        channel.on("message", lambda data: tell("message", channel=number, **content(data)))
        channel.on("close", lambda: tell("closed", channel=number))

    async def offer(self, legacy=False):
        # The syntax of aiortc before 1.14: m=application … DTLS/SCTP 5000, a=sctpmap (RFC 8841 section 14).
        self.pc._sctpLegacySdp = legacy
        await self.pc.setLocalDescription(await self.pc.createOffer())
        tell("offer", sdp=self.pc.localDescription.sdp)

    async def answer(self, sdp):
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        tell("answered")

    async def send(self, channel, text=None, binary=None):
        self.channels[channel].send(base64.b64decode(binary) if text is None else text)

    async def close(self, channel):
        self.channels[channel].close()

    async def end(self):
        await self.pc.close()
        tell("ended")


async def drive(client):
    """Does what the test says, until it has nothing more to say."""
    said = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), sys.stdin)
    while line := await said.readline():
        action = json.loads(line)
        name = action.pop("do")
        try:
            await getattr(client, name)(**action)
        except Exception as error:
            tell("failed", reason=f"{name}: {error!r}")


if __name__ == "__main__":
    asyncio.run(drive(Client()))
