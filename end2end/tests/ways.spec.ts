import type { Page } from "@playwright/test";
import { changeNetwork } from "./link";
import { Panel } from "./panel";
import type { OwnServer } from "./server";
import { expect, test } from "./support";

/** A page that is connected, by this way. */
async function connected(page: Page, server: OwnServer, way: RegExp) {
  const panel = new Panel(page);
  await page.goto(server.url);
  await panel.tickwire.start.click();
  await expect(panel.tickwire.status).toContainText("Connected");
  await expect(panel.summary).toContainText(way);
  return panel;
}

const BY_TCP = /Connection\s*IPv4 · TCP · direct/;
const BY_UDP = /Connection\s*IPv4 · UDP · direct/;

test("comes by TCP where UDP is blocked", async ({ page, serveBehindRelay }) => {
  const { server, relay } = await serveBehindRelay({ blocks: () => true, delay: 25, tcp: true });
  const { tickwire } = await connected(page, server, BY_TCP);
  await tickwire.echo("by TCP");
  expect(relay.counts.passed).toBe(0);
});

test("goes by UDP although TCP gets through too", async ({ page, serveBehindRelay }) => {
  const { server } = await serveBehindRelay({ delay: 25, tcp: true });
  const { tickwire } = await connected(page, server, BY_UDP);
  await tickwire.echo("by UDP");
});

test("goes on by UDP, in the same session, when the network lets it through", async ({ page, serveBehindRelay }) => {
  let isBlocked = true;
  const { server, relay } = await serveBehindRelay({ blocks: () => isBlocked, tcp: true });
  const panel = await connected(page, server, BY_TCP);
  isBlocked = false;
  await changeNetwork(page);
  await expect(panel.summary).toContainText(BY_UDP);
  relay.sever();
  await panel.tickwire.echo("by UDP");
  await expect(panel.tickwire.log).not.toContainText("Reconnecting");
});

test("opens another connection, for the same session, where one breaks", async ({ page, serveBehindRelay }) => {
  const { server, relay } = await serveBehindRelay({ blocks: () => true, tcp: true });
  const { tickwire } = await connected(page, server, BY_TCP);
  relay.sever();
  await tickwire.echo("by another connection");
  await expect(tickwire.log).not.toContainText("Reconnecting");
});
