import type { Options } from "./link.js";
import { PeerWay } from "./peer.js";
import { SocketWay } from "./socket.js";
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

/** By what data comes: UDP, TCP, a TURN server, or a WebSocket. */
export type Path = "udp" | "tcp" | "relay" | "websocket";

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

/** A way to the server. */
export interface Way {
  path: Path | undefined;
  /** Opens it. Rejects where the server does not let the client in, or cannot be asked. */
  open(): Promise<void>;
  /** Looks for another way, for the same session. */
  restart(): void;
  /** Is called every half second. */
  look(now: number): void;
  /** Asks the server for a word. */
  ask(): void;
  /** Sends on `control`, and on `values`; what finds it closed is lost. */
  say(message: string): void;
  send(message: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** The subprotocol. */
export const PROTOCOL = "tickwire.2";
/** How long nothing may come of a server that says something each second, in milliseconds: by data channels, on which
 * it is asked for a word where one is missed, and by a WebSocket, on which what is lost holds up what follows. */
const SILENCE = 2_000;
const SOCKET_SILENCE = 3_000;
const ASK_AFTER = 1_200;
/** How long opening may take; and an ICE restart, or the end. */
export const OPEN_LIMIT = 15_000;
export const LIMIT = 5_000;

/** One session with the server: until it is lost. */
export abstract class Session {
  readonly way: Way;
  isOpen = false;
  /** Whether it was lost or ended. */
  isOver = false;
  /** Whether the server wants the client to be elsewhere. */
  isUnwanted = false;
  headers: Record<string, string> = {};
  token: string | undefined;
  #heard = 0;
  /** Since when it is being opened, or looks for another way. */
  #restarting = 0;
  #look: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly server: string,
    readonly options: Options,
    readonly link: Link,
    readonly isSocket: boolean,
  ) {
    this.way = new (isSocket ? SocketWay : PeerWay)(this);
  }

  /** Something has come on a channel. */
  abstract onControl(message: string | Uint8Array): void;
  abstract onValues(message: Uint8Array): void;

  async open() {
    const { options } = this;
    this.headers = { ...(await options.headers?.()) };
    if (options.token) this.show(await options.token());
    if (this.isOver) return;
    this.#restarting = Date.now();
    const silence = this.isSocket ? SOCKET_SILENCE : SILENCE;
    let looks = 0;
    this.#look = setInterval(() => {
      const now = Date.now();
      const silent = now - this.#heard;
      if (this.#restarting && now - this.#restarting > (this.isOpen ? LIMIT : OPEN_LIMIT)) this.lose();
      else if (silent > silence) this.restart();
      else if (silent > ASK_AFTER) this.way.ask();
      if (looks++ % 2) this.way.look(now);
    }, 250);
    await this.way.open();
  }

  /** All channels are open. */
  opened() {
    if (this.isOver || this.isOpen) return;
    this.isOpen = true;
    this.hear();
    this.link.opened();
  }

  /** Looks for another way to the server, for the same session. */
  restart() {
    if (!this.isOpen || this.#restarting) return;
    this.#restarting = Date.now();
    this.way.restart();
  }

  /** Each request shows this token from now on. */
  show(token: string) {
    this.token = token;
    this.headers.authorization = `Bearer ${token}`;
  }

  /** Something has come. */
  hear() {
    this.#heard = Date.now();
    this.#restarting = 0;
  }

  /** Ends it, on the server too. */
  end() {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.#look);
    this.way.close();
  }

  lose() {
    if (this.isOver) return;
    this.end();
    this.link.lost();
  }
}
