// What a client of any library does. The test says it on standard input, and hears what happened
// on standard output, a JSON object a line:
//
//   {"do":"channel","channel":0,"label":"echo","init":{…}}   createDataChannel; the test counts channels
//   {"do":"offer"}, {…,"restart":true} of ICE, {…,"legacy":true} in the syntax before RFC 8841
//   {"do":"answer","sdp":"…"}
//   {"do":"send","channel":0,"text":"…"} or {…,"binary":"base64"}
//   {"do":"close","channel":0}
//   {"do":"end"}                                             the connection
//
//   {"event":"offer","sdp":"…"}, {"event":"answered"}, {"event":"ended"}
//   {"event":"open","channel":0}, {"event":"message","channel":0,"text"|"binary":"…"}, {"event":"closed","channel":0}
//   {"event":"failed","reason":"…"}                          of what the test said
import { createInterface } from "node:readline";

/** Tells the test. */
export function tell(event, about = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...about })}\n`);
}

/** Does what the test says on a connection as W3C's WebRTC has it, until the test has nothing more to say. */
export async function drive(pc) {
  const channels = [];
  const actions = {
    channel({ channel: number, label, init }) {
      const channel = (channels[number] = pc.createDataChannel(label, init));
      channel.binaryType = "arraybuffer";
      // A channel that both sides create may be open as soon as it is there.
      if (channel.readyState === "open") tell("open", { channel: number });
      else channel.onopen = () => tell("open", { channel: number });
      channel.onmessage = ({ data }) => tell("message", { channel: number, ...content(data) });
      channel.onclose = () => tell("closed", { channel: number });
    },
    async offer({ restart }) {
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: restart }));
      tell("offer", { sdp: pc.localDescription.sdp });
    },
    async answer({ sdp }) {
      await pc.setRemoteDescription({ type: "answer", sdp });
      tell("answered");
    },
    send: ({ channel, text, binary }) => channels[channel].send(text ?? Buffer.from(binary, "base64")),
    close: ({ channel }) => channels[channel].close(),
    async end() {
      await pc.close();
      tell("ended");
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const said = JSON.parse(line);
    try {
      await actions[said.do](said);
    } catch (error) {
      tell("failed", { reason: `${said.do}: ${error}` });
    }
  }
  process.exit();
}

function content(data) {
  return typeof data === "string" ? { text: data } : { binary: Buffer.from(data).toString("base64") };
}
