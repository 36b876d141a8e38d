import { GONE_SERVER, NO_WAY, signalling, withoutWebSocket } from "./link";
import { health } from "./server";
import { either, expect, test, TickwirePage } from "./support";

test.use({ expectedErrors: either(GONE_SERVER, NO_WAY) });

test.beforeEach(({ page }) => withoutWebSocket(page));

test("a network that is cut for a moment costs no session", async ({ page, request, serveBehindRelay }) => {
  const { server, relay } = await serveBehindRelay();
  const tickwire = new TickwirePage(page);
  const made = signalling(page);
  await tickwire.connect(server.url);
  await tickwire.echo("before");
  // It is missed within 3 s.
  relay.cut();
  await expect(tickwire.status).toContainText("Interrupted");
  await expect.poll(async () => (await health(request, server.url)).silent).toBe(1);
  relay.join();
  await expect(tickwire.status).toContainText("Connected");
  await tickwire.echo("after");
  await expect.poll(async () => (await health(request, server.url)).silent).toBe(0);
  expect(made.filter((line) => line !== "PATCH /sdp/{id}")).toEqual(["POST /sdp"]);
});

test("a network that is cut for a minute is tried again and again, and works when it is back", async ({ page, request, serveBehindRelay }) => {
  test.setTimeout(240_000);
  const { server, relay } = await serveBehindRelay();
  const tickwire = new TickwirePage(page);
  await tickwire.connect(server.url);
  relay.cut();
  // Each try takes 15 s: HTTP gets through, and UDP does not.
  await expect(tickwire.nextTry).toHaveText("Try 4 is under way.", { timeout: 120_000 });
  await expect(tickwire.status).toContainText("UDP between here and the server may be blocked");
  relay.join();
  await expect(tickwire.status).toContainText("Connected", { timeout: 30_000 });
  await tickwire.echo("back");
  await expect.poll(async () => (await health(request, server.url)).sessions, { timeout: 60_000 }).toBe(1);
});
