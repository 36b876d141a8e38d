import { createServer, request as ask } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { sessions } from "./server";
import { expect, test, TickwirePage } from "./support";

/** A reverse proxy that hands what is below `/live/` to the server on this port, with or without that. */
async function proxyTo(port: number, handsOn: "the whole path" | "the rest") {
  const proxy = createServer((request, response) => {
    const { method, headers } = request;
    const path = handsOn === "the rest" ? request.url!.replace(/^\/live/, "") : request.url;
    if (!request.url!.startsWith("/live/")) return void response.writeHead(404).end();
    const asked = ask({ port, path, method, headers }, (answered) => {
      response.writeHead(answered.statusCode!, answered.headers);
      answered.pipe(response);
    });
    request.pipe(asked);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/live/`;
  return { url, close: () => void proxy.close() };
}

for (const handsOn of ["the whole path", "the rest"] as const) {
  test(`works below a path, behind a proxy that hands on ${handsOn}`, async ({ page, request, serve, atEnd }) => {
    const base = handsOn === "the rest" ? "" : "/live";
    const server = await serve({ TICKWIRE_SITE_BASE: base });
    const proxy = await proxyTo(server.port, handsOn);
    atEnd(proxy.close);
    const tickwire = new TickwirePage(page);
    await page.goto(proxy.url);
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
    await expect.poll(() => sessions(request, server.url + base)).toBe(1);
    await tickwire.stop.click();
    await expect.poll(() => sessions(request, server.url + base)).toBe(0);
  });
}
