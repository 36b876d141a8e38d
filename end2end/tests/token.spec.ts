import { hear, said, watchControl } from "./control";
import { expect, test, TickwirePage } from "./support";

test("a token goes from the address into each request, and another in time", async ({ page }) => {
  await watchControl(page);
  const shown: (string | undefined)[] = [];
  page.on("request", (request) => {
    if (new URL(request.url()).pathname.startsWith("/sdp")) shown.push(request.headers().authorization);
  });
  const tickwire = new TickwirePage(page);
  await page.goto("/?a=1#token=one&b=2");
  await expect(page).toHaveURL(/\/\?a=1#b=2$/);
  await tickwire.start.click();
  await expect(tickwire.status).toContainText("Connected");
  expect(shown).toEqual(["Bearer one"]);

  await page.evaluate(() => (location.hash = "#token=two"));
  await expect(page).toHaveURL(/\/\?a=1$/);
  await hear(page, { type: "renew-token", within: 60_000 });
  await expect.poll(() => said(page, "token")).toEqual([{ type: "token", token: "two" }]);
  await tickwire.stop.click();
  await expect.poll(() => shown).toEqual(["Bearer one", "Bearer two"]);
});

test.describe("where the server lets nobody in", () => {
  test.use({ expectedErrors: /status of 40[13]/ });

  for (const [status, code, what] of [
    [401, "unauthorized", "The server asks who you are."],
    [403, "forbidden", "This token does not allow it."],
  ] as const) {
    test(`with status ${status} the page says what helps`, async ({ page }) => {
      await page.route("**/sdp", (route) => route.fulfill({ status, json: { code, message: "No." } }));
      const tickwire = new TickwirePage(page);
      await page.goto("/");
      await tickwire.start.click();
      await expect(tickwire.status).toContainText("Failed");
      const advice = page.locator(".advice");
      await expect(advice).toContainText(what);
      await expect(advice).toContainText("#token=…");
      await expect(advice).toContainText("tickwire token --sub");
    });
  }

  test("a token that has ended on the way is followed by another", async ({ page }) => {
    const shown: (string | undefined)[] = [];
    const tickwire = new TickwirePage(page);
    await page.route("**/sdp", async (route) => {
      shown.push(route.request().headers().authorization);
      if (shown.length > 1) return route.continue();
      await page.evaluate(() => (location.hash = "#token=two"));
      await expect(page).toHaveURL(/\/$/);
      await route.fulfill({ status: 401, json: { code: "unauthorized", message: "No." } });
    });
    await page.goto("/#token=one");
    await tickwire.start.click();
    await expect(tickwire.status).toContainText("Connected");
    expect(shown).toEqual(["Bearer one", "Bearer two"]);
  });
});
