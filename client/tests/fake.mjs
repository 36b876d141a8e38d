// A server as the client sees it: fetch and RTCPeerConnection, and of each session what is said in it.

const text = (it) => new TextEncoder().encode(it);

/** A number as the wire has it (RFC 9000 section 16), below 2³⁰. */
const number = (it) => (it < 0x40 ? [it] : [0x80 | (it >> 24), (it >> 16) & 255, (it >> 8) & 255, it & 255]);
const block = (it) => [...number(text(it).length), ...text(it)];

/** What comes, to be awaited in order. */
class Queue {
  #items = [];
  #waiting = [];
  push(item) {
    const taker = this.#waiting.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }
  next() {
    return this.#items.length ? Promise.resolve(this.#items.shift()) : new Promise((resolve) => this.#waiting.push(resolve));
  }
  get size() {
    return this.#items.length;
  }
}

/** A session, from the server's side. */
class FakeSession {
  #peer;
  #packets = 0;
  heard = new Queue();
  /** Numbers, topics, keys and values of what is published. */
  published = new Queue();
  /** Resolves with the headers of the DELETE; and when the client has closed it. */
  ended = new Promise((resolve) => (this.end = resolve));
  closed = new Promise((resolve) => (this.close = resolve));
  constructor(peer) {
    this.#peer = peer;
  }
  /** The next message of this type; others before it are passed over. */
  async hears(type) {
    for (;;) {
      const said = await this.heard.next();
      if (said.type === type) return said;
    }
  }
  say(message) {
    this.#peer.channels.control.onmessage({ data: JSON.stringify(message) });
  }
  /** Brings values: `[subscription, alias, key, version, value]`; without a value, the alias has none any more. */
  brings(entries, flags = 0) {
    const message = [0, ...number(this.#packets++)];
    for (const [subscription, alias, key, version, value] of entries) {
      message.push((value === undefined ? 1 : 2) | flags, ...number(subscription), ...number(alias));
      if (value !== undefined) message.push(...block(key));
      message.push(...number(version), ...number(0));
      if (value !== undefined) message.push(...block(value));
    }
    this.#peer.channels.values.onmessage({ data: new Uint8Array(message).buffer });
  }
  snapshot(...entries) {
    this.brings(entries, 4);
  }
  event(...entry) {
    this.brings([entry], 8);
  }
  /** Brings an entry of a log. */
  entry(subscription, position, value) {
    const message = [2, 0, ...number(subscription), ...number(position), ...number(0), ...block("k"), ...text(value)];
    this.#peer.channels.control.onmessage({ data: new Uint8Array(message).buffer });
  }
  acknowledge(count) {
    this.#peer.channels.values.onmessage({ data: new Uint8Array([1, ...number(count), 0, 0]).buffer });
  }
  /** It is gone, without a word. */
  lose() {
    this.#peer.channels.control.onclose();
  }
}

function publication(data) {
  let at = 1;
  const next = () => {
    const first = data[at++];
    return first < 0x40 ? first : ((first & 0x3f) << 8) | data[at++];
  };
  const word = () => new TextDecoder().decode(data.slice(at + 1, (at += 1 + data[at])));
  const count = next();
  at++;
  return [count, word(), word(), word()];
}

/** Takes the place of `WebSocket`: each is open when the server takes it, by saying hello. */
class FakeWebSocket {
  static all;
  readyState = 0;
  /** How many messages it has received that are not of `values`. */
  received = 0;
  constructor(url, protocol) {
    Object.assign(this, { url: `${url}`, protocol });
    const to = { onmessage: (message) => this.onmessage(message), onclose: () => this.#ended() };
    const end = { close: () => this.session.close() };
    this.session = Object.assign(new FakeSession({ channels: { control: to, values: to }, ...end }), {
      socket: this,
      /** Its connection is there; it is let in when it hears `hello`. */
      connects: () => {
        this.readyState = 1;
        this.onopen();
      },
      accepts: () => {
        this.session.connects();
        this.session.say({ type: "hello", you: "socket" });
      },
    });
    FakeWebSocket.all.push(this.session);
  }
  send(data) {
    if (typeof data === "string") this.session.heard.push(JSON.parse(data));
    else if (data[0] === 3) this.session.published.push(publication(data));
    else if (data[0] === 8) this.received = data[1];
    else if (data[0] === 4) this.opened = [data[1], new TextDecoder().decode(data.slice(3, 3 + data[2]))];
  }
  close() {
    this.session.close();
    queueMicrotask(() => this.#ended());
  }
  #ended() {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose();
  }
}

/** Takes the place of `fetch` and `WebSocket` for a test, and has what a client's options need. */
export function fakeServer(t) {
  const peers = new Map();
  /** Sessions as they are open; requests with their headers. */
  const sessions = new Queue();
  const requests = [];
  /** Answers to the next POSTs, in place of a session: `[status, code, headers]`. */
  const refusals = [];
  const asked = new Queue();
  /** WebSockets that are tried. */
  const sockets = (FakeWebSocket.all = new Queue());
  const { WebSocket } = globalThis;
  globalThis.WebSocket = FakeWebSocket;
  t.after(() => (globalThis.WebSocket = WebSocket));

  class RTCPeerConnection {
    channels = {};
    session = new FakeSession(this);
    createDataChannel(label) {
      return (this.channels[label] = { readyState: "connecting", send: (data) => this.#sent(label, data) });
    }
    #sent(label, data) {
      if (label === "control") this.session.heard.push(JSON.parse(data));
      else if (data[0] === 3) this.session.published.push(publication(data));
    }
    async createOffer() {
      return { type: "offer", sdp: `again ${this.id}` };
    }
    async setLocalDescription() {
      if (this.id) return;
      this.id = `s${peers.size}`;
      peers.set(this.id, this);
      this.localDescription = { type: "offer", sdp: this.id };
    }
    async setRemoteDescription() {
      if (this.isOpen) return;
      // One by one, where a test holds them.
      await held.next?.promise;
      if (this.isClosed) return;
      this.isOpen = true;
      for (const channel of Object.values(this.channels)) channel.readyState = "open";
      for (const channel of Object.values(this.channels)) channel.onopen();
      sessions.push(this.session);
    }
    close() {
      this.isClosed = true;
      this.session.close();
    }
  }
  /** `next`, where a test sets it, is waited for before data channels open. */
  const held = {};

  t.mock.method(globalThis, "fetch", async (url, { method, headers, body }) => {
    requests.push({ method, url, headers });
    asked.push(method);
    const refusal = method === "POST" && refusals.shift();
    if (refusal) {
      const [status, code, besides] = refusal;
      return Response.json({ code, message: `because of ${code}` }, { status, headers: besides });
    }
    const id = method === "POST" ? JSON.parse(body).sdp : url.split("/").pop();
    if (method === "DELETE") peers.get(id).session.end(headers);
    return Response.json({ id, type: "answer", sdp: "" }, { status: 201 });
  });
  return { RTCPeerConnection, sessions, requests, refusals, asked, sockets, held };
}
