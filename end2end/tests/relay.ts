import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket as Connection } from "node:net";
import { networkInterfaces } from "node:os";

/** What the network between browsers and a server does to each datagram, in both directions alike. */
export interface RelayOptions {
  /** Milliseconds one way. */
  delay?: number;
  /** Up to as many milliseconds more, chosen for each datagram; so one may overtake another. */
  jitter?: number;
  /** The share of datagrams that is lost, from 0 to 1. */
  loss?: number;
  /** Which datagrams never get through, judged by what they hold and by their client's port. */
  blocks?: (datagram: Buffer, port: number) => boolean;
  /** Whether connections of TCP get through as well, each way as late as datagrams; none is lost. */
  tcp?: boolean;
  /** The same seed loses and delays the same datagrams of a client, counted from its first. */
  seed?: number;
}

/** Datagrams on their way at once, of all clients; what comes on top is lost, as in a router. */
const QUEUE_MAX = 4096;
/** Addresses that clients send from, of which a browser has some for each connection; one more gets nothing through. */
const CLIENT_MAX = 512;

interface Client {
  /**
   * Toward the server, which knows clients by their source address and tells them of it. The
   * server is reached at the address that the client sent to: Firefox drops an answer that says
   * it is seen at a loopback address.
   */
  socket: Socket;
  outward: () => number;
  homeward: () => number;
}

/**
 * A relay in user space between browsers and a server, which advertises `addresses` in place of
 * its own. Nothing bypasses it, as offers name no candidates.
 */
export class Relay {
  /** `ip:port`: loopback, and for browsers that do not go from an interface to it, an interface. */
  readonly addresses: string[];
  /** Datagrams that went through, and that did not, for whatever reason. */
  readonly counts = { passed: 0, lost: 0 };
  private readonly clients = new Map<string, Client>();
  private readonly connections = new Set<Connection>();
  private readonly queue = new Set<NodeJS.Timeout>();
  private isCut = false;

  private constructor(
    private readonly outer: Socket[],
    private readonly listeners: Server[],
    private readonly serverPort: number,
    private readonly options: Required<RelayOptions>,
  ) {
    this.addresses = outer.map((socket) => `${socket.address().address}:${socket.address().port}`);
    for (const socket of outer) {
      socket.on("message", (datagram, from) => this.relayOut(socket, datagram, from));
    }
    for (const listener of listeners) listener.on("connection", (inner) => this.connect(inner));
  }

  /** Relays to this UDP port of this machine, whether or not somebody listens there yet. */
  static async start(serverPort: number, options: RelayOptions = {}): Promise<Relay> {
    const all = { delay: 0, jitter: 0, loss: 0, seed: 1, blocks: () => false, tcp: false, ...options };
    const outer = await Promise.all(ownAddresses().map((address) => bind(address)));
    const addresses = outer.map((socket) => socket.address());
    const listeners = await Promise.all(addresses.filter(() => all.tcp).map(listen));
    return new Relay(outer, listeners, serverPort, all);
  }

  /** Lets nothing through any more, nor what is on its way; nobody is told. */
  cut() {
    this.isCut = true;
    this.counts.lost += this.queue.size;
    this.queue.forEach(clearTimeout);
    this.queue.clear();
  }

  /** Ends a cut. */
  join() {
    this.isCut = false;
  }

  close() {
    this.cut();
    for (const socket of this.outer) socket.close();
    for (const { socket } of this.clients.values()) socket.close();
    this.clients.clear();
    for (const listener of this.listeners) listener.close();
    this.sever();
  }

  /** Ends each connection of TCP; others may follow. */
  sever() {
    for (const connection of this.connections) connection.destroy();
    this.connections.clear();
  }

  /** Hands a connection on to the server's port. */
  private connect(inner: Connection) {
    const server = connect(this.serverPort, inner.localAddress);
    const end = () => (inner.destroy(), server.destroy());
    for (const [from, to] of [[inner, server], [server, inner]] as const) {
      this.connections.add(from);
      from.setNoDelay(true);
      from.on("error", end).on("close", end);
      // Timers of one length end in the order in which they begin.
      from.on("data", (data) => void setTimeout(() => to.writable && to.write(data), this.options.delay));
    }
  }

  private relayOut(outer: Socket, datagram: Buffer, from: RemoteInfo) {
    const client = this.client(outer, from);
    if (!client) return void this.counts.lost++;
    const { address } = outer.address();
    this.pass(datagram, from.port, client.outward, () => client.socket.send(datagram, this.serverPort, address, ignore));
  }

  private client(outer: Socket, { address, port }: RemoteInfo): Client | undefined {
    const key = `${outer.address().address} ${address}:${port}`;
    const known = this.clients.get(key);
    if (known || this.clients.size >= CLIENT_MAX) return known;
    const seed = this.options.seed + 2 * this.clients.size;
    const client = { socket: open(), outward: random(seed), homeward: random(seed + 1) };
    client.socket.on("message", (datagram) =>
      this.pass(datagram, port, client.homeward, () => outer.send(datagram, port, address, ignore)),
    );
    this.clients.set(key, client);
    return client;
  }

  private pass(datagram: Buffer, port: number, random: () => number, send: () => void) {
    const { delay, jitter, loss, blocks } = this.options;
    // Both are drawn for each datagram, so that one that is lost does not change what the next meets.
    const [isLost, after] = [random() < loss || blocks(datagram, port), delay + jitter * random()];
    if (this.isCut || isLost || this.queue.size >= QUEUE_MAX) return void this.counts.lost++;
    if (after === 0) {
      this.counts.passed++;
      return send();
    }
    const timer = setTimeout(() => {
      this.queue.delete(timer);
      this.counts.passed++;
      send();
    }, after);
    this.queue.add(timer);
  }
}

/** What an ICMP message says of a datagram is not for the relay: UDP is lost in silence. */
const ignore = () => {};

function open(): Socket {
  return createSocket("udp4").on("error", ignore);
}

async function bind(address: string): Promise<Socket> {
  const socket = open().bind(0, address);
  await once(socket, "listening");
  return socket;
}

async function listen({ address, port }: { address: string; port: number }): Promise<Server> {
  const listener = createServer().listen(port, address);
  await once(listener, "listening");
  return listener;
}

/** Loopback, and an interface if there is one. */
export function ownAddresses(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outside = interfaces.find(({ family, internal }) => family === "IPv4" && !internal);
  return outside ? ["127.0.0.1", outside.address] : ["127.0.0.1"];
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
