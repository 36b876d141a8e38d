import { folder, selfSigned } from "./certificate";
import { Panel } from "./panel";
import { expect, test } from "./support";

test.use({ ignoreHTTPSErrors: true });

const NOWHERE = { TICKWIRE_PORT_ADVERTISE: '["192.0.2.1"]', TICKWIRE_PORT_TCP: "false" };

for (const [way, env, shown] of [
  ["data channels", {}, /Connection\s*IPv[46] · UDP · direct/],
  ["a WebSocket", NOWHERE, /Connection\s*WebSocket/],
] as const) {
  test(`speaks HTTPS by itself, and data comes by ${way}`, async ({ page, serve, atEnd }) => {
    const { certificate, key } = selfSigned(await folder(atEnd));
    const server = await serve({ TICKWIRE_TLS_CERTIFICATE: certificate, TICKWIRE_TLS_KEY: key, ...env });
    // Whoever comes without encryption is sent there.
    await page.goto(server.at("localhost"));
    expect(page.url()).toBe(`https://localhost:${server.port}/`);
    const { tickwire, summary } = new Panel(page);
    await tickwire.start.click();
    await tickwire.echo(`by ${way}`);
    await expect(summary).toContainText(shown);
    expect(await page.evaluate(() => isSecureContext)).toBe(true);
  });
}
