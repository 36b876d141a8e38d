import { LIMIT, OPEN_LIMIT, PROTOCOL, Refused, type Path, type Session, type Way } from "./session.js";

/** How long the ways without a TURN server may take before one is asked, in milliseconds. */
const RELAY_AFTER = 1_500;

/** The TURN servers that an answer names (RFC 9725 section 4.6). */
export function turnServers(link: string | null): RTCIceServer[] {
  const found = (link ?? "").matchAll(/<(turns?:[^>]*)>; rel="ice-server"; username="([^"]*)"; credential="([^"]*)"/g);
  return [...found].map(([, urls, username, credential]) => ({ urls: urls!, username, credential }));
}

/** Data channels. */
export class PeerWay implements Way {
  path: Path | undefined;
  #peer: RTCPeerConnection | undefined;
  #url = "";
  /** When TURN servers are asked, should it not be open by then; none where none are known. */
  #relayAt = 0;
  #control!: RTCDataChannel;
  #values!: RTCDataChannel;
  #pulse!: RTCDataChannel;

  constructor(readonly session: Session) {}

  async open() {
    const { session } = this;
    const peer = (this.#peer = new (session.options.RTCPeerConnection ?? RTCPeerConnection)());
    const lossy = { ordered: false, maxRetransmits: 0 };
    const channel = (label: string, init: RTCDataChannelInit, take?: (data: any) => void) => {
      const channel = peer.createDataChannel(label, init);
      channel.binaryType = "arraybuffer";
      channel.onmessage = ({ data }) => {
        // One that is left is not heard until it is closed.
        if (session.isOver) return;
        session.hear();
        take?.(typeof data === "string" ? data : new Uint8Array(data));
      };
      channel.onclose = () => session.lose();
      channel.onopen = () => {
        if (this.#control.readyState === "open" && this.#values.readyState === "open") session.opened();
      };
      return channel;
    };
    this.#control = channel("control", { protocol: PROTOCOL }, (data) => session.onControl(data));
    this.#values = channel("values", { protocol: PROTOCOL, ...lossy }, (data) => session.onValues(data));
    this.#pulse = channel("pulse", lossy);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed" && !session.isOpen) session.lose();
    };
    await peer.setLocalDescription();
    const answer = await this.#ask("POST", `${session.server}/sdp`, peer.localDescription);
    this.#url = `${session.server}/sdp/${answer.id}`;
    if (session.isOver) return this.close();
    await peer.setRemoteDescription(answer);
  }

  restart() {
    void this.#renegotiate();
  }

  async #renegotiate() {
    const { session } = this;
    const peer = this.#peer!;
    try {
      const offer = await peer.createOffer({ iceRestart: true });
      const answer = await this.#ask("PATCH", this.#url, offer);
      if (session.isOver) return;
      // Both at once: checks that leave before the answer is known name what was before.
      await Promise.all([peer.setLocalDescription(offer), peer.setRemoteDescription(answer)]);
    } catch (cause) {
      if (cause instanceof Refused) session.lose();
    }
  }

  ask() {
    if (this.#pulse.readyState === "open") this.#pulse.send("");
  }

  look(now: number) {
    if (this.session.isOpen) void this.#findPath();
    else if (this.#relayAt && now > this.#relayAt) {
      this.#relayAt = Infinity;
      this.restart();
    }
  }

  async #findPath() {
    const stats: any = await this.#peer!.getStats?.();
    for (const pair of stats?.values() ?? []) {
      if (pair.type !== "candidate-pair" || !pair.nominated || pair.state !== "succeeded") continue;
      const { candidateType, protocol } = stats.get(pair.localCandidateId) ?? {};
      this.path = candidateType === "relay" ? candidateType : protocol;
    }
  }

  say(message: string) {
    if (this.#control.readyState === "open") this.#control.send(message);
  }

  send(message: Uint8Array<ArrayBuffer>) {
    if (this.#values.readyState === "open") this.#values.send(message);
  }

  async close() {
    const { headers, isUnwanted } = this.session;
    const signal = AbortSignal.timeout(LIMIT);
    const init = { method: "DELETE", keepalive: true, headers, signal };
    // Where the server sees it close before, it knows of no session to end; it notices by itself where this does not
    // reach it. In place of one that wants its clients elsewhere, another may be asked by now.
    if (this.#url && !isUnwanted) await fetch(this.#url, init).catch(() => {});
    this.#peer?.close();
  }

  async #ask(method: string, url: string, body: unknown): Promise<any> {
    const { headers } = this.session;
    const response = await fetch(url, {
      method,
      headers: { ...headers, "content-type": "application/json", "if-match": "*" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(OPEN_LIMIT),
    });
    if (response.ok) {
      const iceServers = turnServers(response.headers.get("link"));
      if (iceServers[0] && !this.session.isOver) {
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
