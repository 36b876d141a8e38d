import { ticks, watchChannels } from "./channels";
import { GONE_SERVER } from "./link";
import { sessions } from "./server";
import { expect, test, TickwirePage } from "./support";

test.use({ expectedErrors: GONE_SERVER });

test("stays connected for a minute in a tab that nobody looks at", async ({ page, browserName }) => {
  test.slow();
  await watchChannels(page);
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  const opened = page.waitForEvent("popup");
  await page.evaluate(() => void window.open("about:blank"));
  await (await opened).bringToFront();
  // Without a screen Chromium hides no tab.
  const visibility = () => page.evaluate(() => document.visibilityState);
  if (browserName === "firefox") await expect.poll(visibility).toBe("hidden");
  const before = await ticks(page);
  await expect.poll(() => ticks(page), { timeout: 120_000 }).toBeGreaterThanOrEqual(before + 60);
  await page.bringToFront();
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("seen again");
  await expect(tickwire.lines.filter({ hasText: /Interrupted|Reconnecting/ })).toHaveCount(0);
});

/** More than the connections that a browser opens to a server at a time. */
const TABS = 8;

test(`${TABS} tabs come back when their server does`, async ({ context, request, serve }) => {
  test.slow();
  const server = await serve();
  const tabs: TickwirePage[] = [];
  const openHalf = async () => {
    for (let count = 0; count < TABS / 2; count++) {
      const tab = new TickwirePage(await context.newPage());
      await tab.connect(server.url);
      tabs.push(tab);
    }
  };
  // Two at once: while one opens, the processors wait for some of the time.
  await Promise.all([openHalf(), openHalf()]);
  // A tab that took long to open may have tried both ways.
  await expect.poll(() => sessions(request, server.url)).toBe(TABS);
  expect(await server.stop()).toBe(0);
  await server.start();
  await expect.poll(() => sessions(request, server.url), { timeout: 60_000 }).toBe(TABS);
  await Promise.all(
    tabs.map(async (tab, number) => {
      await expect(tab.status).toContainText("Connected", { timeout: 60_000 });
      await tab.echo(`tab ${number}`);
    }),
  );
  await expect.poll(() => sessions(request, server.url)).toBe(TABS);
});
