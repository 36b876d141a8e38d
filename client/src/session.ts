import type { Options } from "./link.js";
import type { From, Subscription } from "./subscription.js";

/** A server that does not take the offer, or not now. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** Whether another try makes sense, and after how many milliseconds at the earliest. */
    readonly isPassing = false,
    readonly retryAfter = 0,
  ) {
    super(message);
  }
}

/** What a session tells its link. */
export interface Link {
  opened(): void;
  /** It was lost, not ended. */
  lost(): void;
  /** Which of two it is, while the link moves. */
  from(): From;
  /** A publication has come. */
  acknowledged(number: number): void;
  /** A subscription, or something that was put, is not taken. */
  refused(cause: Refused, subscription?: Subscription): void;
  /** The server has said something. */
  look(): void;
}

const PROTOCOL = "tickwire.2";
/** How long nothing may come of a server that says something each second, in milliseconds. */
const SILENCE = 3_000;
/** How long opening may take; and an ICE restart, or the end. */
const OPEN_LIMIT = 15_000;
const LIMIT = 5_000;
/** How long the ways without a TURN server may take before one is asked, in milliseconds. */
const RELAY_AFTER = 1_500;

/** The TURN servers that an answer names (RFC 9725 section 4.6). */
export function turnServers(link: string | null): RTCIceServer[] {
  const found = (link ?? "").matchAll(/<(turns?:[^>]*)>; rel="ice-server"; username="([^"]*)"; credential="([^"]*)"/g);
  return [...found].map(([, urls, username, credential]) => ({ urls: urls!, username, credential }));
}

/** One session with the server: from the offer until it is lost. */
export abstract class Session {
  #peer: RTCPeerConnection | undefined;
  #url = "";
  #heard = 0;
  #isOpen = false;
  /** Whether it was lost or ended. */
  isOver = false;
  /** Whether the server wants the client to be elsewhere. */
  isUnwanted = false;
  /** Since when it is being opened, or looks for another way. */
  #restarting = 0;
  /** When TURN servers are asked, should it not be open by then; none where none are known. */
  #relayAt = 0;
  #look: ReturnType<typeof setInterval> | undefined;
  #headers: Record<string, string> = {};
  control!: RTCDataChannel;
  values!: RTCDataChannel;

  constructor(
    readonly server: string,
    readonly options: Options,
    readonly link: Link,
  ) {}

  /** Something has come on a channel. */
  abstract onControl(message: string | Uint8Array): void;
  abstract onValues(message: Uint8Array): void;

  /** Opens it. Rejects where the server does not take the offer, or cannot be asked. */
  async open() {
    const { options, server } = this;
    const Peer = options.RTCPeerConnection ?? globalThis.RTCPeerConnection;
    if (!Peer) throw new Refused("no-webrtc", "There is no RTCPeerConnection here: hand one over in the options.");
    this.#headers = { ...(await options.headers?.()) };
    if (options.token) this.show(await options.token());
    if (this.isOver) return;
    const peer = (this.#peer = new Peer());
    const lossy = { ordered: false, maxRetransmits: 0 };
    const channel = (label: string, init: RTCDataChannelInit, take?: (data: any) => void) => {
      const channel = peer.createDataChannel(label, init);
      channel.binaryType = "arraybuffer";
      channel.onmessage = ({ data }) => {
        // One that is left is not heard until it is closed.
        if (this.isOver) return;
        this.#hear();
        take?.(typeof data === "string" ? data : new Uint8Array(data));
      };
      channel.onclose = () => this.#lose();
      channel.onopen = () => {
        if (this.isOver || this.#isOpen || this.control.readyState !== "open" || this.values.readyState !== "open") return;
        this.#isOpen = true;
        this.#hear();
        this.link.opened();
      };
      return channel;
    };
    this.control = channel("control", { protocol: PROTOCOL }, (data) => this.onControl(data));
    this.values = channel("values", { protocol: PROTOCOL, ...lossy }, (data) => this.onValues(data));
    channel("pulse", lossy);
    this.#restarting = Date.now();
    this.#look = setInterval(() => {
      const now = Date.now();
      const limit = this.#isOpen ? LIMIT : OPEN_LIMIT;
      if (this.#restarting && now - this.#restarting > limit) this.#lose();
      else if (this.#relayAt && now > this.#relayAt && !this.#isOpen) {
        this.#relayAt = Infinity;
        void this.#renegotiate();
      } else if (now - this.#heard > SILENCE) void this.restart();
    }, 500);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed" && !this.#isOpen) this.#lose();
    };
    await peer.setLocalDescription();
    const answer = await this.#ask("POST", `${server}/sdp`, peer.localDescription);
    this.#url = `${server}/sdp/${answer.id}`;
    if (this.isOver) return this.#close();
    await peer.setRemoteDescription(answer);
  }

  /** Looks for another way to the server, for the same session. */
  async restart() {
    if (!this.#isOpen || this.#restarting) return;
    this.#restarting = Date.now();
    await this.#renegotiate();
  }

  async #renegotiate() {
    const peer = this.#peer!;
    try {
      const offer = await peer.createOffer({ iceRestart: true });
      const answer = await this.#ask("PATCH", this.#url, offer);
      if (this.isOver) return;
      // Both at once: checks that leave before the answer is known name what was before.
      await Promise.all([peer.setLocalDescription(offer), peer.setRemoteDescription(answer)]);
    } catch (cause) {
      if (cause instanceof Refused) this.#lose();
    }
  }

  /** Each request shows this token from now on. */
  show(token: string) {
    this.#headers.authorization = `Bearer ${token}`;
  }

  /** Ends it, on the server too. */
  end() {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.#look);
    void this.#close();
  }

  #hear() {
    this.#heard = Date.now();
    this.#restarting = 0;
  }

  #lose() {
    if (this.isOver) return;
    this.end();
    this.link.lost();
  }

  async #close() {
    const signal = AbortSignal.timeout(LIMIT);
    const init = { method: "DELETE", keepalive: true, headers: this.#headers, signal };
    // Where the server sees it close before, it knows of no session to end; it notices by itself where this does not
    // reach it. In place of one that wants its clients elsewhere, another may be asked by now.
    if (this.#url && !this.isUnwanted) await fetch(this.#url, init).catch(() => {});
    this.#peer?.close();
  }

  async #ask(method: string, url: string, body: unknown): Promise<any> {
    const response = await fetch(url, {
      method,
      headers: { ...this.#headers, "content-type": "application/json", "if-match": "*" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(OPEN_LIMIT),
    });
    if (response.ok) {
      const iceServers = turnServers(response.headers.get("link"));
      if (iceServers[0] && !this.isOver) {
        // They are asked when ICE is restarted.
        this.#peer!.setConfiguration({ iceServers });
        this.#relayAt ||= Date.now() + RELAY_AFTER;
      }
      return response.json();
    }
    const { code = "not-tickwire", message = `The answer, with status ${response.status}, is not a Tickwire server's.` } =
      await response.json().catch(() => ({}));
    const isPassing = response.status >= 500 || response.status === 429 || code === "not-tickwire";
    // A day at most: a timer takes no more than 24 of them.
    const retryAfter = Math.min(86_400, Number(response.headers.get("retry-after")) || 0);
    throw new Refused(code, message, isPassing, 1_000 * retryAfter);
  }
}
