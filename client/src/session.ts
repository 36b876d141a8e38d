/** One session with the server: from the offer until it is lost. */

/** A server that does not take the offer, or not now. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** Whether another try makes sense, and after how many milliseconds at the earliest. */
    readonly isPassing: boolean,
    readonly retryAfter: number,
  ) {
    super(message);
  }
}

export interface Handlers {
  onControl(message: string | Uint8Array): void;
  onValues(message: Uint8Array): void;
  /** Both channels are open. */
  onOpen(): void;
  onLost(): void;
}

const PROTOCOL = "tickwire.2";
/** How long nothing may come of a server that says something each second, in milliseconds. */
const SILENCE = 3_000;
/** How long opening, and an ICE restart, may take. */
const OPEN_LIMIT = 15_000;
const RESTART_LIMIT = 5_000;
const END_LIMIT = 5_000;

export class Session {
  #peer: RTCPeerConnection;
  #url = "";
  #heard = Date.now();
  #isOpen = false;
  /** Whether it was lost or ended. */
  isOver = false;
  #restarting = 0;
  #look: ReturnType<typeof setInterval>;
  readonly control: RTCDataChannel;
  readonly values: RTCDataChannel;

  constructor(
    readonly server: string,
    Peer: typeof RTCPeerConnection,
    readonly headers: Record<string, string>,
    readonly handlers: Handlers,
  ) {
    const peer = (this.#peer = new Peer());
    const lossy = { ordered: false, maxRetransmits: 0 };
    const channel = (label: string, init: RTCDataChannelInit, take: (data: any) => void) => {
      const channel = peer.createDataChannel(label, init);
      channel.binaryType = "arraybuffer";
      channel.onmessage = ({ data }) => {
        this.#hear();
        take(data);
      };
      channel.onclose = () => this.#lose();
      channel.onopen = () => {
        if (this.#isOpen || [this.control, this.values].some((it) => it?.readyState !== "open")) return;
        this.#isOpen = true;
        this.#hear();
        handlers.onOpen();
      };
      return channel;
    };
    this.control = channel("control", { protocol: PROTOCOL }, (data) => handlers.onControl(typeof data === "string" ? data : new Uint8Array(data)));
    this.values = channel("values", { protocol: PROTOCOL, ...lossy }, (data) => handlers.onValues(new Uint8Array(data)));
    channel("pulse", lossy, () => {});
    const begun = Date.now();
    this.#look = setInterval(() => {
      const now = Date.now();
      if (!this.#isOpen) {
        if (now - begun > OPEN_LIMIT) this.#lose();
      } else if (now - this.#heard > SILENCE) {
        if (!this.#restarting) this.restart();
        else if (now - this.#restarting > RESTART_LIMIT) this.#lose();
      }
    }, 500);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed" && !this.#isOpen) this.#lose();
    };
  }

  /** Opens it. Rejects where the server does not take the offer, or cannot be asked. */
  async open() {
    await this.#peer.setLocalDescription();
    const response = await this.#ask("POST", `${this.server}/sdp`, this.#peer.localDescription);
    const answer = await response.json();
    this.#url = `${this.server}/sdp/${answer.id}`;
    if (this.isOver) return this.#delete();
    await this.#peer.setRemoteDescription(answer);
  }

  /** Looks for another way to the server, for the same session. */
  async restart() {
    if (!this.#isOpen || this.#restarting) return;
    this.#restarting = Date.now();
    try {
      const offer = await this.#peer.createOffer({ iceRestart: true });
      const response = await this.#ask("PATCH", this.#url, offer);
      const answer = await response.json();
      if (this.isOver) return;
      // Both at once: checks that leave before the answer is known name what was before.
      const offered = this.#peer.setLocalDescription(offer);
      await Promise.all([offered, this.#peer.setRemoteDescription(answer)]);
    } catch (cause) {
      if (cause instanceof Refused) this.#lose();
    }
  }

  /** Ends it, on the server too. */
  end() {
    const wasOver = this.isOver;
    this.isOver = true;
    clearInterval(this.#look);
    if (wasOver) return;
    // Where the server sees it close before, it knows of no session to end.
    if (this.#url) void this.#delete().finally(() => this.#peer.close());
    else this.#peer.close();
  }

  #hear() {
    this.#heard = Date.now();
    this.#restarting = 0;
  }

  #lose() {
    if (this.isOver) return;
    this.end();
    this.handlers.onLost();
  }

  async #delete() {
    const signal = AbortSignal.timeout(END_LIMIT);
    // The server notices by itself where this does not reach it.
    await fetch(this.#url, { method: "DELETE", keepalive: true, headers: this.headers, signal }).catch(() => {});
  }

  async #ask(method: string, url: string, body: unknown): Promise<Response> {
    const response = await fetch(url, {
      method,
      headers: { ...this.headers, "content-type": "application/json", "if-match": "*" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(OPEN_LIMIT),
    });
    if (response.ok) return response;
    const { code = "not-tickwire", message = `The answer, with status ${response.status}, is not a Tickwire server's.` } =
      await response.json().catch(() => ({}));
    const isPassing = response.status >= 500 || response.status === 429 || code === "not-tickwire";
    throw new Refused(code, message, isPassing, 1_000 * (Number(response.headers.get("retry-after")) || 0));
  }
}
