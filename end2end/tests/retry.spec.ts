import type { Page } from "@playwright/test";
import { changeNetwork, GONE_SERVER, look, signalling } from "./link";
import type { OwnServer } from "./server";
import { either, expect, test, TickwirePage } from "./support";

test.use({ expectedErrors: GONE_SERVER });

/** Connects, and takes the server away; the next try waits, and no time passes. */
async function lose(server: OwnServer, page: Page): Promise<TickwirePage> {
  await page.clock.install();
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 1_000));
  await server.stop();
  await expect(tickwire.nextTry).toHaveText("Try 1 in 1 s.");
  return tickwire;
}

for (const [name, happens] of [
  ["a network that is there again", changeNetwork],
  ["a look at the page", look],
] as const) {
  test(`${name} cuts the wait short`, async ({ page, serve }) => {
    const server = await serve();
    const tickwire = await lose(server, page);
    await server.start();
    await happens(page);
    await expect(tickwire.status).toContainText("Connected");
  });
}

test("waits longer from try to try, and says how long", async ({ page, serve }) => {
  await page.addInitScript(() => (Math.random = () => 0.999));
  const server = await serve();
  const tickwire = await lose(server, page);
  let waited = 1;
  for (const [attempt, seconds] of [[2, 1], [3, 2], [4, 4], [5, 8], [6, 16], [7, 30], [8, 30]]) {
    await page.clock.runFor(1_000 * waited);
    waited = seconds;
    await expect(tickwire.nextTry).toHaveText(`Try ${attempt} in ${seconds} s.`);
    await expect(tickwire.status).toContainText("could not be reached");
  }
  await tickwire.stop.click();
  await expect(tickwire.status).toContainText("Not connected");
  await expect(tickwire.nextTry).toBeEmpty();
});

test("a link that was stopped stays stopped, whatever happens", async ({ page, serve }) => {
  const server = await serve();
  const tickwire = await lose(server, page);
  await tickwire.stop.click();
  await server.start();
  const made = signalling(page);
  await changeNetwork(page);
  await look(page);
  await page.clock.runFor(120_000);
  await expect(tickwire.status).toContainText("Not connected");
  await page.clock.resume();
  await tickwire.start.click();
  await expect(tickwire.status).toContainText("Connected");
  expect(made).toEqual(["POST /sdp"]);
});

test.describe("a server that is full", () => {
  test.use({ expectedErrors: either(GONE_SERVER, /status of 503/) });
  test("is left alone for as long as it asks", async ({ page, serve }) => {
    const server = await serve();
    const tickwire = await lose(server, page);
    const made = signalling(page);
    let isFull = true;
    await page.route("**/sdp", (route) =>
      isFull
        ? route.fulfill({
            status: 503,
            headers: { "retry-after": "40" },
            json: { code: "full", message: "All places are taken." },
          })
        : route.continue(),
    );
    await server.start();
    await changeNetwork(page);
    // And for as long again at most, so that not all come in the same instant.
    await expect(tickwire.nextTry).toHaveText(/^Try 2 in ([4-7]\d|80) s\.$/);
    await expect(tickwire.status).toContainText("All places are taken.");
    isFull = false;
    await page.clock.runFor(39_000);
    await changeNetwork(page);
    await look(page);
    await expect(tickwire.nextTry).toHaveText("Try 2 in 1 s.");
    expect(made).toEqual(["POST /sdp"]);
    await page.clock.runFor(1_000);
    await expect(tickwire.status).toContainText("Connected");
    expect(made).toEqual(["POST /sdp", "POST /sdp"]);
  });
});
