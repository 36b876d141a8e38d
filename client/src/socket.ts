import { PROTOCOL, Refused, type Session, type Way } from "./session.js";
import { ACKNOWLEDGEMENT, LOG_ENTRY, writeOpen, writeReceived } from "./wire.js";

/** As `WebSocket` has them, which may be gone when a page is. */
const CONNECTING = 0;
const OPEN = 1;
/** How long it may take to say that a message has come, in milliseconds. */
const HELD = 20;
/** The channel that has something to say each second. */
const PULSE = 2;

/** A WebSocket: crates/wire/src/socket.rs says what travels on it. */
export class SocketWay implements Way {
  readonly path = "websocket";
  #socket: WebSocket | undefined;

  constructor(readonly session: Session) {}

  open(): Promise<void> {
    const { session } = this;
    return new Promise((resolve, reject) => {
      const url = new URL(`${session.server}/ws`, globalThis.location?.href);
      url.protocol = url.protocol.replace("http", "ws");
      const socket = (this.#socket = new WebSocket(url, PROTOCOL));
      socket.binaryType = "arraybuffer";
      let received = 0;
      let said = 0;
      let saying: ReturnType<typeof setTimeout> | undefined;
      const say = () => {
        clearTimeout(saying);
        saying = undefined;
        said = received;
        this.send(writeReceived(received));
      };
      socket.onopen = () => {
        const { token } = session;
        if (token) this.say(JSON.stringify({ type: "token", token }));
        this.send(writeOpen(PULSE, "pulse"));
      };
      socket.onmessage = ({ data }) => {
        if (session.isOver) return;
        if (typeof data === "string" && !session.isOpen) {
          const { type, code, message, retryAfter = 0 } = JSON.parse(data);
          if (type === "denied") {
            const isPassing = code !== "unauthorized" && code !== "forbidden";
            return reject(new Refused(code, message, isPassing, 1_000 * retryAfter));
          }
          session.opened();
          resolve();
        }
        session.hear();
        const message = typeof data === "string" ? data : new Uint8Array(data);
        const [kind] = message;
        if (kind === 0 || kind === ACKNOWLEDGEMENT) return session.onValues(message as Uint8Array);
        if (++received - said > 1) say();
        else saying ??= setTimeout(say, HELD);
        if (typeof message === "string" || kind === LOG_ENTRY) session.onControl(message);
        // One without its channels is of no use.
        else if (kind === 7 && message[1]! < PULSE) session.lose();
      };
      socket.onclose = () => {
        reject(new Error("the WebSocket was closed before it was open"));
        if (session.isOpen) session.lose();
      };
    });
  }

  /** One that is silent for so long is given up: another gets through sooner than TCP sends again. */
  restart() {
    this.session.lose();
  }

  look() {}

  ask() {}

  say(message: string) {
    this.#send(message);
  }

  send(message: Uint8Array<ArrayBuffer>) {
    this.#send(message);
  }

  #send(message: string | Uint8Array<ArrayBuffer>) {
    if (this.#socket!.readyState === OPEN) this.#socket!.send(message);
  }

  close() {
    const socket = this.#socket;
    // Browsers tell people of one that is closed before it is open.
    if (socket?.readyState === CONNECTING) socket.onopen = () => socket.close();
    else socket?.close();
  }
}
