import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A client that is no browser, and what its library can do. */
export interface Library {
  name: string;
  command: [string, ...string[]];
  /** Restarts ICE, and keeps the connection. */
  restarts: boolean;
  /** Sends messages without content. */
  sendsEmpty: boolean;
  /** Takes the id of a channel for another when both sides have closed it, and not before. */
  waitsForBoth: boolean;
  /** Offers what was before RFC 8841, too. */
  isLegacy: boolean;
  /** How often a test of it is tried again, for a fault of its own. */
  retries: number;
}

const inFolder = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const node = (name: string): [string, string] => [process.execPath, inFolder(`clients/${name}.mjs`)];

export const LIBRARIES: Library[] = [
  { name: "libwebrtc", command: node("libwebrtc"), restarts: true, sendsEmpty: true, waitsForBoth: true, isLegacy: false, retries: 0 },
  { name: "libdatachannel", command: node("libdatachannel"), restarts: false, sendsEmpty: true, waitsForBoth: true, isLegacy: false, retries: 0 },
  // It restarts ICE in its offer, and makes no check after the answer. Where the server sends a flight
  // again before it is done with the first, it takes other keys, and understands nothing from then on.
  // A channel that has the id of one of which it closed its half is closed with the other half.
  { name: "werift", command: node("werift"), restarts: false, sendsEmpty: false, waitsForBoth: false, isLegacy: false, retries: 2 },
  {
    name: "aiortc",
    command: [inFolder(".venv/bin/python"), inFolder("clients/aiortc_client.py")],
    restarts: false,
    sendsEmpty: true,
    waitsForBoth: true,
    isLegacy: true,
    retries: 0,
  },
];

/** Text, or the bytes of a binary message. */
export type Message = string | Buffer;

type Said = { event: string; channel?: number; sdp?: string; text?: string; binary?: string; reason?: string };

/** A client's process: what it is told, and what it says (`clients/driver.mjs`). */
export class Client {
  private readonly process: ChildProcessWithoutNullStreams;
  /** What it has said, and nobody has waited for. */
  private readonly said: Said[] = [];
  private readonly waiting: { what: string; matches: (said: Said) => boolean; resolve: (said: Said) => void }[] = [];
  private readonly failed: Promise<never>;
  private channels = 0;

  constructor({ name, command: [program, ...parameters] }: Library) {
    const child = (this.process = spawn(program, parameters));
    let complaints = "";
    child.stderr.on("data", (data) => (complaints += data));
    this.failed = new Promise((_, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        const missed = this.waiting.map(({ what }) => what);
        reject(new Error(`${name} ended with ${code ?? signal}, and was to say: ${missed}. ${complaints}`));
      });
      createInterface({ input: child.stdout }).on("line", (line) => {
        const said: Said = JSON.parse(line);
        if (said.event === "failed") reject(new Error(`${name} failed: ${said.reason}`));
        else this.hear(said);
      });
    });
    // Noticed by whoever waits.
    this.failed.catch(() => {});
  }

  /** Creates a channel, and returns the number by which it is told of. */
  createChannel(label: string, init: object = {}): number {
    const channel = this.channels++;
    this.tell("channel", { channel, label, init });
    return channel;
  }

  async offer(about: { restart?: boolean; legacy?: boolean } = {}): Promise<string> {
    this.tell("offer", about);
    return (await this.next("offer")).sdp!;
  }

  async answer(sdp: string) {
    this.tell("answer", { sdp });
    await this.next("answered");
  }

  async opened(channel: number) {
    await this.next("open", channel);
  }

  send(channel: number, message: Message) {
    this.tell("send", {
      channel,
      ...(typeof message === "string" ? { text: message } : { binary: message.toString("base64") }),
    });
  }

  /** The first message of this channel that nobody has waited for. */
  async message(channel: number): Promise<Message> {
    return content(await this.next("message", channel));
  }

  /** All messages of this channel that nobody has waited for. They stay. */
  messages(channel: number): Message[] {
    return this.said.filter((said) => said.event === "message" && said.channel === channel).map(content);
  }

  async close(channel: number) {
    this.tell("close", { channel });
    await this.next("closed", channel);
  }

  /** Ends the connection. The process stays. */
  async end() {
    this.tell("end");
    await this.next("ended");
  }

  async kill() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
  }

  private tell(action: string, about = {}) {
    this.process.stdin.write(`${JSON.stringify({ do: action, ...about })}\n`);
  }

  private hear(said: Said) {
    const index = this.waiting.findIndex(({ matches }) => matches(said));
    if (index < 0) this.said.push(said);
    else this.waiting.splice(index, 1)[0].resolve(said);
  }

  private async next(event: string, channel?: number): Promise<Said> {
    const matches = (said: Said) => said.event === event && said.channel === channel;
    const index = this.said.findIndex(matches);
    if (index >= 0) return this.said.splice(index, 1)[0];
    const what = channel === undefined ? event : `${event} of channel ${channel}`;
    const heard = new Promise<Said>((resolve) => this.waiting.push({ what, matches, resolve }));
    return Promise.race([heard, this.failed]);
  }
}

function content({ text, binary }: Said): Message {
  return text ?? Buffer.from(binary!, "base64");
}
