import { holdAnswer } from "./answers";
import { GONE_SERVER } from "./link";
import { sessions } from "./server";
import { expect, GONE, test, TickwirePage, watchErrors } from "./support";

test("streams the server's time each second", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await expect(tickwire.times.nth(2)).toBeVisible();
  const times = (await tickwire.times.locator(".text").allTextContents())
    .slice(0, 3)
    .map((line) => Date.parse(line.replace("Server Time: ", "")));
  expect(Math.round((times[1] - times[0]) / 1000)).toBe(1);
  expect(Math.round((times[2] - times[1]) / 1000)).toBe(1);
});

test("sends a message and gets it back, in any script", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  for (const text of ["hello", "👩🏽‍🚀 🇺🇳 🫠", "שלום עולם, مرحبا بالعالم", "x".repeat(1000)]) {
    await tickwire.echo(text);
    await expect(tickwire.message).toHaveValue("");
    await expect(tickwire.message).toBeFocused();
  }
});

test("does not send an empty message", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await tickwire.message.press("Enter");
  await tickwire.send.click();
  await tickwire.echo("after");
  await expect(tickwire.lines.filter({ hasText: "you" })).toHaveCount(1);
});

test("asks for nothing over HTTP once it is connected", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  const requests: string[] = [];
  page.on("request", (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on("websocket", (socket) => requests.push(`WebSocket ${socket.url()}`));
  await tickwire.connect();
  await tickwire.echo("over the data channel");
  await expect(tickwire.times.nth(3)).toBeVisible();
  expect(requests.filter((line) => !/^GET \/(|favicon\.svg|pkg\/.*)$/.test(line))).toEqual(["POST /sdp"]);
});

test("serves two tabs, each with its own session", async ({ page, context, request }) => {
  const before = await sessions(request);
  const first = new TickwirePage(page);
  await first.connect();
  const secondPage = await context.newPage();
  const errors = watchErrors(secondPage);
  const second = new TickwirePage(secondPage);
  await second.connect();
  await expect.poll(() => sessions(request)).toBe(before + 2);
  await first.echo("from the first");
  await second.echo("from the second");
  await expect(first.line("Echo: from the second")).toHaveCount(0);
  await expect(second.line("Echo: from the first")).toHaveCount(0);
  await first.stop.click();
  await second.echo("still here");
  expect(errors).toEqual([]);
});

test("stops, and starts again", async ({ page, request }) => {
  const before = await sessions(request);
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  for (let round = 0; round < 3; round++) {
    await tickwire.stop.click();
    await expect(tickwire.status).toContainText("Not connected");
    await expect(tickwire.message).toBeDisabled();
    await expect.poll(() => sessions(request)).toBe(before);
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
    await tickwire.echo(`round ${round}`);
  }
});

test("a stop while connecting leaves no session", async ({ page, request }) => {
  const before = await sessions(request);
  const tickwire = new TickwirePage(page);
  const answer = await holdAnswer(page);
  await page.goto("/");
  const answered = page.waitForResponse((response) => response.request().method() === "DELETE");
  await tickwire.start.click();
  await expect(tickwire.status).toContainText("Connecting…");
  await answer.isHeld();
  await expect.poll(() => sessions(request)).toBe(before + 1);
  await tickwire.stop.click();
  await expect(tickwire.status).toContainText("Not connected");
  await answer.release();
  expect((await answered).status()).toBe(204);
  await expect.poll(() => sessions(request)).toBe(before);
  await expect(tickwire.status).toContainText("Not connected");
});

test("a reload ends the session and the page starts anew", async ({ page, request }) => {
  const before = await sessions(request);
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await page.reload();
  await expect(tickwire.status).toContainText("Not connected");
  await expect(tickwire.lines).toHaveCount(0);
  await expect.poll(() => sessions(request)).toBe(before);
  await tickwire.start.click();
  await expect(tickwire.status).toContainText("Connected");
});

test("a closed tab is gone from the server before it is missed", async ({ context, request }) => {
  const before = await sessions(request);
  const page = await context.newPage();
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await expect.poll(() => sessions(request)).toBe(before + 1);
  await page.close({ runBeforeUnload: false });
  await expect.poll(() => sessions(request), { timeout: GONE }).toBe(before);
});

test("says so when the offer is not answered in time", async ({ page, request }) => {
  const tickwire = new TickwirePage(page);
  const answer = await holdAnswer(page);
  await page.clock.install();
  await page.goto("/");
  await tickwire.start.click();
  await answer.isHeld();
  await page.clock.fastForward(15_000);
  await expect(tickwire.status).toContainText("Failed");
  await expect(tickwire.status).toContainText("did not answer in time");
  await expect(tickwire.start).toBeEnabled();
  await answer.release();
  await expect.poll(() => sessions(request)).toBe(0);
  await expect(tickwire.status).toContainText("Failed");
});

test("says so when HTTP gets through and UDP does not", async ({ page, serveBehindRelay }) => {
  const { server, relay } = await serveBehindRelay();
  relay.cut();
  const tickwire = new TickwirePage(page);
  await page.clock.install();
  await page.goto(server.url);
  await tickwire.start.click();
  await expect.poll(() => relay.counts.lost).toBeGreaterThan(0);
  await page.clock.fastForward(15_000);
  await expect(tickwire.status).toContainText("Failed");
  await expect(tickwire.status).toContainText("UDP between here and the server may be blocked");
  await expect.poll(() => sessions(page.request, server.url)).toBe(0);
});

test.describe("with a server that is full", () => {
  test.use({ expectedErrors: /503/ });
  test("says so, and connects once there is room", async ({ page, context, serve }) => {
    const server = await serve({ TICKWIRE_SESSION_MAX: "1" });
    const first = new TickwirePage(await context.newPage());
    await first.connect(server.url);
    const second = new TickwirePage(page);
    await page.goto(server.url);
    await second.start.click();
    await expect(second.status).toContainText("Failed");
    await expect(second.status).toContainText("All 1 places of this server are taken");
    await first.stop.click();
    await expect(first.status).toContainText("Not connected");
    await expect.poll(() => sessions(page.request, server.url)).toBe(0);
    await second.start.click();
    await expect(second.status).toContainText("Connected");
  });
});

test.describe("with a server that goes away", () => {
  test.use({ expectedErrors: GONE_SERVER });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} ends it with 0, the page says so, and connects again once it is back`, async ({ page, serve }) => {
      // It is alone, so nobody has anywhere to go.
      const server = await serve({ TICKWIRE_DRAIN_OVER: "0s" });
      const tickwire = new TickwirePage(page);
      await tickwire.connect(server.url);
      expect(await server.stop(signal)).toBe(0);
      await expect(tickwire.line("Reconnecting… The server ended the connection.")).toBeVisible();
      await expect(tickwire.lines.filter({ hasText: "The server closed" })).toHaveCount(0);
      await expect(tickwire.status).toContainText("could not be reached");
      await expect(tickwire.nextTry).toContainText("Try");
      await expect(tickwire.send).toBeDisabled();

      await server.start();
      await expect(tickwire.status).toContainText("Connected", { timeout: 20_000 });
      await tickwire.echo("back");
    });
  }

  test("a first start without a server fails, and says why", async ({ page, serve }) => {
    const server = await serve();
    const tickwire = new TickwirePage(page);
    await page.goto(server.url);
    await expect(tickwire.start).toBeEnabled();
    await server.stop();
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Failed");
    await expect(tickwire.status).toContainText("could not be reached");
    await server.start();
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
  });

  test("a server that is killed without a word is missed, and Stop ends the search", async ({ page, serve }) => {
    test.slow();
    const server = await serve();
    const tickwire = new TickwirePage(page);
    await tickwire.connect(server.url);
    await server.stop("SIGKILL");
    await expect(tickwire.status).toContainText("Interrupted", { timeout: 20_000 });
    await expect(tickwire.status).toContainText("Looking for another way");
    await expect(tickwire.stop).toBeEnabled();
    await tickwire.stop.click();
    await expect(tickwire.status).toContainText("Not connected");
    await expect(tickwire.message).toBeDisabled();
  });
});
