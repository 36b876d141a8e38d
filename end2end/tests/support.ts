import { test as base, expect, type BrowserContext, type Locator, type Page } from "@playwright/test";
import { Relay, type RelayOptions } from "./relay";
import { freePort, OwnServer, sessions } from "./server";

export { expect };

/** Milliseconds within which a closed tab is gone, whatever else the machine does: long before it is missed. */
export const GONE = 10_000;

interface Fixtures {
  /** Console errors that a test provokes: the browser's own report of a request that failed. */
  expectedErrors: RegExp | undefined;
  leaveNoSession: void;
  /** What a test started, to be ended with it, after its tabs. */
  atEnd: (end: () => unknown) => void;
  /** Starts a server of the test's own, with these variables. */
  serve: (env?: Record<string, string>, port?: number) => Promise<OwnServer>;
  /** Starts one with this configuration file. */
  serveConfigured: (config: string) => Promise<OwnServer>;
  /**
   * Starts one, with a configuration file or without, whose UDP port browsers reach through the relay alone.
   * Its HTTP does not pass there.
   */
  serveBehindRelay: (options?: RelayOptions, env?: Record<string, string>, config?: string) => Promise<{ server: OwnServer; relay: Relay }>;
}

interface WorkerFixtures {
  /** The server of tests that start none. Each worker has its own, so that its tests can count sessions. */
  server: OwnServer;
}

/**
 * A page on which an error in the console or in a script fails the test, as does a session that
 * is still on the server when its tabs are closed.
 */
export const test = base.extend<Fixtures, WorkerFixtures>({
  server: [
    async ({}, use) => {
      // Some tests hold an answer for as long as they look at the page.
      const server = await OwnServer.start({ TICKWIRE_LIMIT_CHECK_TIMEOUT: "15s" });
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ server }, use) => use(server.at("localhost")),
  expectedErrors: [undefined, { option: true }],
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
      await closeTabs(context);
      await expect.poll(() => sessions(request), { message: "sessions of closed tabs", timeout: GONE }).toBe(0);
    },
    { auto: true },
  ],
  atEnd: async ({ context }, use) => {
    const ends: (() => unknown)[] = [];
    await use((end) => void ends.push(end));
    // Before their servers: a tab reports one that is gone.
    await closeTabs(context);
    await Promise.all(ends.map((end) => end()));
  },
  serve: async ({ atEnd }, use) => {
    await use(async (env, port) => {
      const server = await OwnServer.start(env, port);
      atEnd(() => server.stop("SIGKILL"));
      return server;
    });
  },
  serveConfigured: async ({ atEnd }, use) => {
    await use(async (config) => {
      const server = await OwnServer.configured(config);
      atEnd(() => server.end());
      return server;
    });
  },
  serveBehindRelay: async ({ atEnd, serve }, use) => {
    await use(async (options, env, config) => {
      const port = await freePort();
      // By TCP clients come to a listener of their own: that of HTTP is at one address.
      const udp = options?.tcp ? await freePort() : port;
      const relay = await Relay.start(udp, options);
      atEnd(() => relay.close());
      const listen = JSON.stringify([`0.0.0.0:${udp}`]);
      const advertise = JSON.stringify(relay.addresses);
      const all = { TICKWIRE_PORT_ADVERTISE: advertise, TICKWIRE_PORT_LISTEN: listen, ...env };
      if (config === undefined) return { server: await serve(all, port), relay };
      const server = await OwnServer.configured(config, all, port);
      atEnd(() => server.end());
      return { server, relay };
    });
  },
});

/** What one of these finds. */
export function either(...patterns: RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join("|"));
}

async function closeTabs(context: BrowserContext) {
  await Promise.all(context.pages().map((page) => page.close()));
}

/** Firefox' word on the style by which Playwright hides the caret in a picture. */
const PICTURE = /blocked an inline style.*sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT\+SmwNZWA=/;

export function watchErrors(page: Page, expected?: RegExp): string[] {
  const errors: string[] = [];
  const add = (text: string) => {
    if (!PICTURE.test(text) && !expected?.test(text)) errors.push(text);
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
