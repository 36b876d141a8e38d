import { Panel } from "./panel";
import { expect, test } from "./support";

const BLOCKED = { blocks: () => true, delay: 25 };

test("comes by TCP where UDP is blocked", async ({ page, serveBehindRelay }) => {
  const { server, relay } = await serveBehindRelay({ ...BLOCKED, tcp: true });
  const panel = new Panel(page);
  await page.goto(server.url);
  await panel.tickwire.start.click();
  await expect(panel.tickwire.status).toContainText("Connected");
  await panel.tickwire.echo("by TCP");
  expect(relay.counts.passed).toBe(0);
  await expect(panel.summary).toContainText(/Connection\s*IPv4 · TCP · direct/);
});
