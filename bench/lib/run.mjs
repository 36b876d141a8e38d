// One run: the network, a server, Chromium, and what a scene does with them; all of it ended afterwards.
import { mkdirSync } from "node:fs";
import { Browser } from "./browser.mjs";
import { Network, SERVER } from "./network.mjs";
import { Server } from "./server.mjs";

const PORT = 8080;
// As many readers as one page bears without being what is measured.
const READERS_A_PAGE = 25;

const CONNECTS_WITHIN = 15_000;

const seconds = (ms) => `${ms / 1000} s`;

/** What is said of readers of which none has opened. */
export const notConnected = ({ failures }) =>
  `does not connect within ${seconds(CONNECTS_WITHIN)}${failures.length ? `: ${failures[0]}` : ""}`;

/** Fails where some of the readers did not open. */
export function mustAllOpen(count, { times, failures }) {
  const why = failures[0] ?? `no value within ${seconds(CONNECTS_WITHIN)}`;
  must(times.length === count, `${count - times.length} of ${count} readers did not open: ${why}`);
}

/** Fails where something that has to happen does not. */
export function must(isSo, otherwise) {
  if (!isSo) throw new Error(otherwise);
}

export class Run {
  #ending = [];

  constructor(product, { folder, flags }) {
    this.product = product;
    this.folder = `${folder}/${product.name}`;
    this.flags = flags;
    mkdirSync(this.folder, { recursive: true });
  }

  async with(scene) {
    try {
      this.network = await this.#owned(Network.start(this.flags, this.folder));
      return await scene(this);
    } finally {
      for (const owned of this.#ending.reverse()) await owned.stop();
    }
  }

  async #owned(started) {
    const owned = await started;
    this.#ending.push(owned);
    return owned;
  }

  server(port = PORT) {
    const where = { namespace: this.network.server, host: "0.0.0.0", at: SERVER, port, folder: this.folder };
    return this.#owned(Server.start(this.product, where));
  }

  /** Something of a scene's own that has to be stopped at the end. */
  own(started) {
    return this.#owned(started);
  }

  async browser(port = PORT) {
    this.origin = `http://${SERVER}:${port}`;
    this.port = port;
    const started = Browser.start({ namespace: this.network.reader, product: this.product.name, origin: this.origin });
    this.chromium = await this.#owned(started);
    return this.chromium;
  }

  /** What a reader connects to, of which a browser may open only so many connections at one address. */
  targets(from, count) {
    const each = this.product.readersPerAddress;
    return Array.from({ length: count }, (_, number) => {
      const host = each ? `10.99.1.${1 + Math.floor((from + number) / each)}` : SERVER;
      return { url: `http://${host}:${this.port}/` };
    });
  }

  /** Opens one reader in a page, and waits until it has a value of each key. */
  async reader({ ready }) {
    const page = await (await this.browser()).page();
    const targets = [{ url: `${this.origin}/` }];
    const opened = await page("open", { count: 1, atOnce: 1, targets, settings: ready, timeout: CONNECTS_WITHIN });
    must(opened.times.length, notConnected(opened));
    must(await page("whole", 10_000), "not all keys have come within 10 s");
    return { page, opening: opened.times[0] };
  }

  /** Opens many readers, over several pages, some at a time. */
  async readers(count, { ready }, from = 0) {
    const pages = [];
    const times = [];
    const failures = [];
    for (let number = 0; number < count; number += READERS_A_PAGE) {
      const some = Math.min(READERS_A_PAGE, count - number);
      const page = await this.chromium.page();
      const targets = this.targets(from + number, some);
      const opened = await page("open", { count: some, atOnce: 2, targets, settings: ready, timeout: CONNECTS_WITHIN });
      pages.push(page);
      times.push(...opened.times);
      failures.push(...opened.failures);
    }
    return { pages, times, failures };
  }
}

/** The same of all pages. */
export const each = async (pages, name, what) => (await Promise.all(pages.map((page) => page(name, what)))).flat();
