import { spawn, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { ownAddresses } from "./relay";
import { freePort } from "./server";

const SECRET = "shared-with-the-turn-server";
/** From where it relays: below the ports that a machine gives its programs, and for each worker others. */
const FIRST = 20_000;
const PORTS = 100;

/** coturn, on an interface: Firefox does not go from one to loopback. */
export class TurnServer {
  private constructor(
    private readonly process: ChildProcess,
    private readonly address: string,
    private readonly port: number,
    private readonly first: number,
  ) {}

  static async start(worker: number): Promise<TurnServer> {
    const address = ownAddresses().at(-1)!;
    const [port, first] = [await freePort(), FIRST + PORTS * worker];
    const child = spawn(
      "turnserver",
      [
        "-n",
        "--no-cli",
        "--no-tls",
        "--no-dtls",
        "--log-file=stdout",
        "--pidfile=",
        "--allow-loopback-peers",
        "--use-auth-secret",
        `--static-auth-secret=${SECRET}`,
        "--realm=tickwire",
        `--listening-ip=${address}`,
        `--listening-port=${port}`,
        `--min-port=${first}`,
        `--max-port=${first + PORTS - 1}`,
      ],
      { stdio: "ignore" },
    );
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`coturn ended with ${code}`)));
    });
    await Promise.race([answers(address, port), failed]);
    return new TurnServer(child, address, port, first);
  }

  /** What tells a server of it. */
  env(transport: "udp" | "tcp"): Record<string, string> {
    return {
      TICKWIRE_TURN_URLS: JSON.stringify([`turn:${this.address}:${this.port}?transport=${transport}`]),
      TICKWIRE_TURN_SECRET: SECRET,
    };
  }

  /** Whether it relays from this port. */
  relaysFrom(port: number): boolean {
    return port >= this.first && port < this.first + PORTS;
  }

  async stop() {
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
  }
}

/** Waits until somebody answers STUN there: coturn does not say when it is ready. */
async function answers(address: string, port: number) {
  const socket = createSocket("udp4").on("error", () => {});
  const answered = once(socket, "message");
  // A Binding request (RFC 8489 section 5).
  const request = Buffer.from("000100002112a442000102030405060708090a0b", "hex");
  const asking = setInterval(() => socket.send(request, port, address), 50);
  await answered;
  clearInterval(asking);
  socket.close();
}
