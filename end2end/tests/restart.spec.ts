import { asleep, CAN_SLEEP } from "./asleep";
import { tickTimes, ticks, watchChannels } from "./channels";
import { changeNetwork, GONE_SERVER, signalling } from "./link";
import { sessions } from "./server";
import { expect, test, TickwirePage } from "./support";

test.use({ expectedErrors: GONE_SERVER });

test("an ICE restart keeps the session, its channels and the time", async ({ page, request }) => {
  await watchChannels(page);
  await expect.poll(() => sessions(request)).toBe(0);
  const tickwire = new TickwirePage(page);
  const made = signalling(page);
  await tickwire.connect();
  await tickwire.interval.selectOption("every 100 ms");
  await expect.poll(() => ticks(page)).toBeGreaterThan(15);
  for (let round = 1; round <= 3; round++) {
    const restarted = page.waitForResponse((response) => response.request().method() === "PATCH");
    await changeNetwork(page);
    expect((await restarted).status()).toBe(200);
    await expect(tickwire.status).toContainText("Connected");
    const heard = await ticks(page);
    await expect.poll(() => ticks(page)).toBeGreaterThan(heard + 10);
    await tickwire.echo(`after restart ${round}`);
  }
  expect(made).toEqual(["POST /sdp", ...Array(3).fill("PATCH /sdp/{id}")]);
  await expect.poll(() => sessions(request)).toBe(1);
  const times = (await tickTimes(page)).sort((a, b) => a - b).slice(5);
  const gaps = times.slice(1).map((time, index) => time - times[index]);
  // Where the last values before a restart are lost, SCTP waits a second before it notices (RFC 9260
  // section 6.3.1: RTO.Min), and the first ones after it may wait with them.
  expect(Math.max(...gaps)).toBeLessThan(2_000);
});

test("a server that is killed and started again is found again, and what was typed is kept", async ({ page, serve }) => {
  test.slow();
  const server = await serve();
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  await tickwire.message.fill("typed before");
  await server.stop("SIGKILL");
  await expect(tickwire.status).toContainText("Interrupted");
  await expect(tickwire.send).toBeDisabled();
  await tickwire.message.press("End");
  await tickwire.message.pressSequentially(" and after");
  await tickwire.message.press("Enter");
  await expect(tickwire.status).toContainText("Reconnecting");
  await server.start();
  await expect(tickwire.status).toContainText("Connected", { timeout: 30_000 });
  await expect(tickwire.message).toHaveValue("typed before and after");
  await expect(tickwire.message).toBeFocused();
  await tickwire.message.press("Enter");
  await expect(tickwire.line("Echo: typed before and after")).toBeVisible();
  await expect(tickwire.times.last()).toBeVisible();
});

test("a server that is back before it was missed has forgotten the session, and opens another", async ({ page, serve }) => {
  const server = await serve();
  const tickwire = new TickwirePage(page);
  const made = signalling(page);
  await tickwire.connect(server.url);
  await server.stop("SIGKILL");
  await server.start();
  await expect.poll(() => made.slice(0, 3)).toEqual(["POST /sdp", "PATCH /sdp/{id}", "POST /sdp"]);
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("on another session");
});

test("a laptop that slept through a restart of the server wakes up connected", async ({ page, request, serve }) => {
  test.skip(!CAN_SLEEP, "The browser's processes are found on Linux alone.");
  const server = await serve();
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  await asleep(async () => {
    await server.stop("SIGKILL");
    await server.start();
  });
  await expect.poll(() => sessions(request, server.url), { timeout: 30_000 }).toBe(1);
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("good morning");
});

test("a tab that was frozen through a restart of the server thaws connected", async ({ page, request, serve, browserName }) => {
  test.skip(browserName === "firefox", "Firefox freezes no tabs.");
  const server = await serve();
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await server.stop("SIGKILL");
  await server.start();
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await expect.poll(() => sessions(request, server.url), { timeout: 30_000 }).toBe(1);
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("good morning");
});
