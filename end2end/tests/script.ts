import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";

/** Where a file of the JavaScript client is. */
export const client = (file: string) => fileURLToPath(new URL(`../../client/dist/${file}`, import.meta.url));

/** A page of the server's origin with the JavaScript client, and a link in `window.tick`. */
export async function link(page: Page, url = "/") {
  await page.route("**/client/*", (route) => route.fulfill({ path: client(new URL(route.request().url()).pathname.split("/").pop()!) }));
  await page.goto(url);
  await page.evaluate(async () => {
    const { connect } = await import("/client/index.js" as string);
    const w = window as any;
    w.states = [];
    w.tick = connect("/", { onstate: (state: string) => w.states.push(state) });
  });
}
