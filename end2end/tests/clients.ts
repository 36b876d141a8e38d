import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, type APIRequestContext } from "@playwright/test";
import { sessions, type OwnServer } from "./server";

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

export const inFolder = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
export const PYTHON = inFolder(".venv/bin/python");
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
    command: [PYTHON, inFolder("clients/aiortc_client.py")],
    restarts: false,
    sendsEmpty: true,
    waitsForBoth: true,
    isLegacy: true,
    retries: 0,
  },
];

/** Text, or the bytes of a binary message. */
export type Message = string | Buffer;

interface Said {
  event: string;
  /** What it is about, if it is one channel or one subscription. */
  channel?: number;
  subscription?: number;
  sdp?: string;
  text?: string;
  binary?: string;
  reason?: string;
}

type About = Pick<Said, "channel" | "subscription">;

/** A client's process: what it is told, and what it says (`clients/driver.mjs`). */
export class Client {
  private readonly process: ChildProcessWithoutNullStreams;
  /** What it has said, and nobody has waited for. */
  private readonly said: Said[] = [];
  private readonly waiting: { what: string; matches: (said: Said) => boolean; resolve: (said: Said) => void }[] = [];
  private readonly failed: Promise<never>;
  /** Why it has failed. */
  protected cause?: Error;
  private channels = 0;

  constructor({ name, command: [program, ...parameters] }: Pick<Library, "name" | "command">) {
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
    // Noticed by whoever waits, or looks.
    this.failed.catch((cause) => (this.cause = cause));
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
    await this.next("open", { channel });
  }

  send(channel: number, message: Message) {
    this.tell("send", {
      channel,
      ...(typeof message === "string" ? { text: message } : { binary: message.toString("base64") }),
    });
  }

  /** The first message of this channel that nobody has waited for. */
  async message(channel: number): Promise<Message> {
    return content(await this.next("message", { channel }));
  }

  /** All messages of this channel that nobody has waited for. They stay. */
  messages(channel: number): Message[] {
    return this.heard("message", { channel }).map(content);
  }

  async close(channel: number) {
    this.tell("close", { channel });
    await this.next("closed", { channel });
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

  protected tell(action: string, about = {}) {
    this.process.stdin.write(`${JSON.stringify({ do: action, ...about })}\n`);
  }

  private hear(said: Said) {
    const index = this.waiting.findIndex(({ matches }) => matches(said));
    if (index < 0) this.said.push(said);
    else this.waiting.splice(index, 1)[0].resolve(said);
  }

  /** The first of these events that nobody has waited for. */
  protected async next<T = Said>(event: string, about: About = {}): Promise<Said & T> {
    const matches = (said: Said) => isAbout(said, event, about);
    const index = this.said.findIndex(matches);
    if (index >= 0) return this.said.splice(index, 1)[0] as Said & T;
    const what = `${event} ${JSON.stringify(about)}`;
    const heard = new Promise<Said>((resolve) => this.waiting.push({ what, matches, resolve }));
    return Promise.race([heard, this.failed]) as Promise<Said & T>;
  }

  /** All of these events that nobody has waited for. They stay. */
  protected heard<T = Said>(event: string, about: About): (Said & T)[] {
    if (this.cause) throw this.cause;
    return this.said.filter((said) => isAbout(said, event, about)) as (Said & T)[];
  }
}

function isAbout(said: Said, event: string, { channel, subscription }: About): boolean {
  return said.event === event && said.channel === channel && said.subscription === subscription;
}

function content({ text, binary }: Said): Message {
  return text ?? Buffer.from(binary!, "base64");
}

interface Connect {
  channels?: object[];
  legacy?: boolean;
  /** What becomes of the offer on its way. */
  edit?: (sdp: string) => string;
}

/** Makes the client's session, and returns its path. */
export async function connect(
  request: APIRequestContext,
  server: OwnServer,
  client: Client,
  { channels, edit = (sdp) => sdp, ...about }: Connect = {},
): Promise<string> {
  const sdp = edit(await client.offer(about));
  const answer = await request.post(`${server.url}/sdp`, { data: { type: "offer", sdp, channels } });
  expect(answer.status(), await answer.text()).toBe(201);
  await client.answer((await answer.json()).sdp);
  return new URL(answer.headers().location, answer.url()).href;
}

/** The client ends its connection, and the server its session. */
export async function leave(request: APIRequestContext, server: OwnServer, client: Client) {
  await client.end();
  await expect.poll(() => sessions(request, server.url)).toBe(0);
}
