import { spawn, type ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { test as base, expect, type APIRequestContext, type Locator, type Page } from "@playwright/test";
import { Relay, type RelayOptions } from "./relay";

export { expect };

/** Milliseconds within which a closed tab is gone, whatever else the machine does: long before it is missed. */
export const GONE = 10_000;

/**
 * A page on which an error in the console or in a script fails the test, as does a session that
 * is still on the server when its tabs are closed.
 */
export const test = base.extend<{ expectedErrors: RegExp[]; leaveNoSession: void }>({
  /** Console errors that a test provokes: the browser's own report of a request that failed. */
  expectedErrors: [[], { option: true }],
  page: async ({ page, expectedErrors, browserName, colorScheme, javaScriptEnabled }, use, { skip }) => {
    // What Playwright cannot have of Firefox by WebDriver BiDi.
    const isFirefox = browserName === "firefox";
    skip(isFirefox && colorScheme === "dark", "The colour scheme of Firefox cannot be set.");
    skip(isFirefox && !javaScriptEnabled, "Firefox takes away the scripts, and does not show what is for such pages.");
    const errors = watchErrors(page, expectedErrors);
    await use(page);
    expect(errors, "errors in the console").toEqual([]);
  },
  /** The next test counts sessions from none. */
  leaveNoSession: [
    async ({ context, request }, use) => {
      await use();
      await Promise.all(context.pages().map((page) => page.close()));
      await expect.poll(() => sessions(request), { message: "sessions of closed tabs", timeout: GONE }).toBe(0);
    },
    { auto: true },
  ],
});

/** Firefox' word on the style by which Playwright hides the caret in a picture. */
const PICTURE = /blocked an inline style.*sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT\+SmwNZWA=/;

export function watchErrors(page: Page, expected: RegExp[] = []): string[] {
  const errors: string[] = [];
  const add = (text: string) => {
    if (![PICTURE, ...expected].some((known) => known.test(text))) errors.push(text);
  };
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) add(message.text());
  });
  page.on("pageerror", (error) => add(String(error)));
  return errors;
}

/** The parts of the page, by what a person goes by. */
export class TickwirePage {
  readonly start: Locator;
  readonly stop: Locator;
  readonly status: Locator;
  readonly nextTry: Locator;
  readonly connection: Locator;
  readonly log: Locator;
  readonly lines: Locator;
  readonly times: Locator;
  readonly message: Locator;
  readonly send: Locator;
  readonly clear: Locator;
  readonly time: Locator;
  readonly interval: Locator;
  readonly terms: Locator;
  readonly chart: Locator;

  constructor(readonly page: Page) {
    this.start = page.getByRole("button", { name: "Start Connection" });
    this.stop = page.getByRole("button", { name: "Stop" });
    this.status = page.getByRole("status");
    this.nextTry = page.locator(".next-try");
    this.connection = page.locator("details.connection > summary");
    this.log = page.getByRole("log", { name: "Log" });
    this.lines = this.log.locator(".line");
    this.times = this.lines.filter({ hasText: "Server Time: " });
    this.message = page.getByRole("textbox", { name: "Message" });
    this.send = page.getByRole("button", { name: "Send" });
    this.clear = page.getByRole("button", { name: "Clear" });
    const clock = page.getByRole("region", { name: "Server clock" });
    this.time = clock.locator(".digits");
    this.interval = clock.getByRole("combobox", { name: "Sent" });
    this.terms = clock.getByText("What these numbers mean");
    this.chart = page.getByRole("region", { name: "Server load" }).getByRole("img");
  }

  async connect(url = "/") {
    await this.page.goto(url);
    await this.start.click();
    await expect(this.status).toContainText("Connected");
  }

  async echo(text: string) {
    await this.message.fill(text);
    await this.message.press("Enter");
    await expect(this.line(`Echo: ${text}`)).toBeVisible();
  }

  line(text: string): Locator {
    return this.log.getByText(text, { exact: true });
  }

  /** The number of this name, of a feed. */
  reading(name: string): Locator {
    return this.page.locator(".feed .readings > div").filter({ has: this.page.getByText(name, { exact: true }) }).locator("dd");
  }
}

/**
 * Lets the page's offer through, and holds the answer back until it is released. In the page: by
 * WebDriver BiDi `page.route` does not get a request's body, and what it holds when a page closes
 * goes out after all, as an offer that nobody stands behind.
 */
export async function holdAnswer(page: Page) {
  await page.addInitScript(() => {
    const { fetch } = window;
    window.fetch = async (...request) => {
      const response = await fetch(...request);
      if (new URL(response.url).pathname === "/sdp") {
        await new Promise((release) => ((window as any).releaseAnswer = release));
      }
      return response;
    };
  });
  return {
    isHeld: () => page.waitForFunction(() => "releaseAnswer" in window),
    release: () => page.evaluate(() => (window as any).releaseAnswer()),
  };
}

export async function sessions(request: APIRequestContext, url = ""): Promise<number> {
  return (await (await request.get(`${url}/health`)).json()).sessions;
}

/** A server of a test's own, to stop and start again at the same address. */
export class OwnServer {
  private process?: ChildProcess;

  private constructor(
    readonly port: number,
    readonly env: Record<string, string>,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<OwnServer> {
    const server = new OwnServer(await freePort(), env);
    await server.start();
    return server;
  }

  /** A server whose UDP port browsers reach through the relay alone; its HTTP does not pass there. */
  static async startBehindRelay(
    options: RelayOptions = {},
    env: Record<string, string> = {},
  ): Promise<{ server: OwnServer; relay: Relay }> {
    const port = await freePort();
    const relay = await Relay.start(port, options);
    const server = new OwnServer(port, { TICKWIRE_PORT_ADVERTISE: JSON.stringify(relay.addresses), ...env });
    await server.start();
    return { server, relay };
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start() {
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const child = spawn(process.env.SERVER_BINARY ?? "target/debug/tickwire", {
      cwd: root,
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

  /** Sends the signal, and returns the exit code once the process has ended. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, "exit");
    child.kill(signal);
    const [code] = await exited;
    return code;
  }
}

/** A port that is free for TCP and for UDP: the server takes both by one number. */
async function freePort(): Promise<number> {
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
