import type { Page } from "@playwright/test";
import { hear, watchControl } from "./control";
import { signalling } from "./link";
import { sessions } from "./server";
import { expect, test, TickwirePage } from "./support";

const GO_AWAY = { type: "go-away" };

/** A page whose prices have all come, and that notes how many were missing since. */
async function reading(page: Page) {
  await watchControl(page);
  const tickwire = new TickwirePage(page);
  const made = signalling(page);
  await tickwire.connect();
  const prices = page.getByRole("region", { name: "Live values" }).getByRole("listitem");
  for (const price of await prices.all()) await expect(price).toHaveText(/^SYM\d\d\s*\d+\.\d\d\s*[\d.]+ m?s$/);
  await page.evaluate(() => {
    const w = window as any;
    const prices = [...document.querySelectorAll(".prices .price")];
    w.missing = 0;
    setInterval(() => (w.missing = Math.max(w.missing, prices.filter((it) => it.textContent === "–").length)), 5);
  });
  return { tickwire, made, first: prices.first(), missing: () => page.evaluate(() => (window as any).missing) };
}

test("a server that stops is left for another, without a value missed", async ({ page, request }) => {
  await expect.poll(() => sessions(request)).toBe(0);
  const { tickwire, made, first, missing } = await reading(page);
  for (let round = 1; round <= 3; round++) {
    await hear(page, GO_AWAY);
    // The server sees the old one close: a request for its end might come to another.
    await expect.poll(() => made.slice(1)).toEqual(Array(round).fill("POST /sdp"));
    const standing = () => page.evaluate(() => (window as any).controls.map((it: RTCDataChannel) => it.readyState));
    await expect.poll(standing).toEqual([...Array(round).fill("closed"), "open"]);
    const before = await first.innerText();
    await expect(first).not.toHaveText(before);
    await tickwire.echo(`after move ${round}`);
  }
  expect(await missing()).toBe(0);
  await expect(tickwire.log).not.toContainText("Reconnecting");
  await expect.poll(() => sessions(request)).toBe(1);
});

test.describe("where there is no other yet", () => {
  test.use({ expectedErrors: /status of 503/ });

  test("the session goes on, and another is tried for", async ({ page }) => {
    const { tickwire, made, missing } = await reading(page);
    let tries = 0;
    await page.route("**/sdp", (route) =>
      tries++ ? route.continue() : route.fulfill({ status: 503, headers: { "retry-after": "1" }, json: { code: "shutting-down", message: "No.", retryAfter: 1 } }),
    );
    await hear(page, GO_AWAY);
    await expect.poll(() => made).toEqual(["POST /sdp", "POST /sdp", "POST /sdp"]);
    expect(await missing()).toBe(0);
    await expect(tickwire.log).not.toContainText("Reconnecting");
  });
});

test("a session that is lost before there is another is followed by the one under way", async ({ page }) => {
  await page.addInitScript(() => {
    const all: RTCDataChannel[] = ((window as any).all = []);
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (label, init) {
      const channel = create.call(this, label, init);
      all.push(channel);
      return channel;
    };
  });
  const { tickwire, made, first } = await reading(page);
  let go = () => {};
  const held = new Promise<void>((resolve) => (go = resolve));
  await page.route("**/sdp", async (route) => {
    await held;
    await route.continue();
  });
  const old = await page.evaluateHandle(() => [...(window as any).all] as RTCDataChannel[]);
  await hear(page, GO_AWAY);
  await expect.poll(() => made).toEqual(["POST /sdp", "POST /sdp"]);
  await old.evaluate((channels) => channels.forEach((channel) => channel.close()));
  await expect(tickwire.status).toContainText("Reconnecting");
  go();
  await expect(tickwire.status).toContainText("Connected");
  await expect(first).toContainText(/\d/);
  expect(made).toEqual(["POST /sdp", "POST /sdp"]);
});
