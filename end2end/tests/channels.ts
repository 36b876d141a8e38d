import type { Page } from "@playwright/test";

/** What the page created, and what arrived on it. */
export interface Watched {
  channel: RTCDataChannel;
  init: RTCDataChannelInit;
  /** The text messages. */
  received: string[];
}

/**
 * Keeps the page's newest channel of each label at hand, as `window.watched[label]`, and its
 * newest offer, as `window.offer`.
 */
export async function watchChannels(page: Page) {
  await page.addInitScript(() => {
    const watched: Record<string, Watched> = ((window as any).watched = {});
    const { createDataChannel } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.createDataChannel = function (label, init) {
      const channel = createDataChannel.call(this, label, init);
      const entry = (watched[label] = { channel, init: { ...init }, received: [] as string[] });
      channel.addEventListener("message", ({ data }) => {
        if (typeof data === "string") entry.received.push(data);
      });
      return channel;
    };
    // In the page: not every browser hands the body of a request to Playwright.
    const { fetch } = window;
    window.fetch = (input, init) => {
      const request = new Request(input, init);
      if (new URL(request.url).pathname === "/sdp") (window as any).offer = request.clone().json();
      return fetch(request);
    };
  });
}

/** The body of the newest offer that the page has sent. */
export async function offer(page: Page): Promise<{ channels: unknown }> {
  return page.evaluate(() => (window as any).offer);
}

/** How many ticks of the clock have arrived on the newest connection. */
export async function ticks(page: Page): Promise<number> {
  return (await tickTimes(page)).length;
}

/** The server's time of each tick of the clock that has arrived, in milliseconds. */
export async function tickTimes(page: Page): Promise<number[]> {
  return page.evaluate(() =>
    ((window as any).watched.clock as Watched).received
      .map((text) => JSON.parse(text))
      .filter(({ type }) => type === "time")
      .map(({ time }) => time),
  );
}

/** The median of the intervals between the last `count` ticks, in milliseconds; infinite where there is none. */
export async function tickInterval(page: Page, count: number): Promise<number> {
  const times = (await tickTimes(page)).sort((a, b) => a - b).slice(-count);
  const intervals = times.slice(1).map((time, index) => time - times[index]);
  return intervals.sort((a, b) => a - b)[Math.floor(intervals.length / 2)] ?? Infinity;
}

export async function closeChannel(page: Page, label: string) {
  await page.evaluate((label) => ((window as any).watched[label] as Watched).channel.close(), label);
}
