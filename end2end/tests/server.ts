import { spawn, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { APIRequestContext } from "@playwright/test";

/** What a server says of its sessions; without an address the one of this worker. */
export async function health(request: APIRequestContext, url = ""): Promise<{ sessions: number; silent: number }> {
  return (await request.get(`${url}/health`)).json();
}

export async function sessions(request: APIRequestContext, url = ""): Promise<number> {
  return (await health(request, url)).sessions;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A server of a test's own, to stop and start again at the same address. */
export class OwnServer {
  private process?: ChildProcess;
  /** Where it runs, if not in the project's folder. */
  private folder?: string;

  private constructor(
    readonly port: number,
    readonly env: Record<string, string>,
  ) {}

  static async start(env: Record<string, string> = {}, port?: number): Promise<OwnServer> {
    const server = new OwnServer(port ?? (await freePort()), env);
    await server.start();
    return server;
  }

  /** One with a configuration file of its own. */
  static async configured(config: string, env: Record<string, string> = {}, port?: number): Promise<OwnServer> {
    const site = { LEPTOS_OUTPUT_NAME: "tickwire", LEPTOS_SITE_ROOT: join(ROOT, "target/site") };
    const server = new OwnServer(port ?? (await freePort()), { ...site, ...env });
    server.folder = await mkdtemp(join(tmpdir(), "tickwire-"));
    await writeFile(join(server.folder, "Leptos.toml"), config);
    await server.start();
    return server;
  }

  get url() {
    return this.at("127.0.0.1");
  }

  /** Its address by another name of this machine. */
  at(host: string) {
    return `http://${host}:${this.port}`;
  }

  get isRunning() {
    return this.process?.exitCode === null && this.process.signalCode === null;
  }

  async start() {
    const child = spawn(resolve(ROOT, process.env.SERVER_BINARY ?? "target/debug/tickwire"), {
      cwd: this.folder ?? ROOT,
      env: { ...process.env, ...this.env, LEPTOS_SITE_ADDR: `127.0.0.1:${this.port}` },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.process = child;
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr!.on("data", (data) => {
        said += data;
        if (said.includes("serving HTTP")) resolve();
      });
      child.once("exit", (code) => reject(new Error(`The server ended with ${code}: ${said}`)));
    });
  }

  /** Sends the signal, and returns the exit code once the process has ended. At SIGTERM it has its clients leave first. */
  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<number | null> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, "exit");
    child.kill(signal);
    const [code] = await exited;
    return code;
  }

  /** Ends it for good. */
  async end() {
    await this.stop("SIGKILL");
    if (this.folder) await rm(this.folder, { recursive: true });
  }
}

/** A port that is free for TCP and for UDP: the server takes both by one number. */
export async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createServer().listen(0, "127.0.0.1");
    await once(tcp, "listening");
    const { port } = tcp.address() as { port: number };
    const udp = createSocket("udp4").bind(port);
    const isFree = await once(udp, "listening").then(
      () => true,
      () => false,
    );
    udp.close();
    tcp.close();
    await once(tcp, "close");
    if (isFree) return port;
  }
}
