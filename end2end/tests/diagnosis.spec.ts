import type { Route } from "@playwright/test";
import { Panel, serveAt, signIn, UNTRUSTWORTHY } from "./panel";
import { expect, holdAnswer, OwnServer, test, TickwirePage } from "./support";

const changeAnswer = (change: (sdp: string) => string) => async (route: Route) => {
  const response = await route.fetch();
  const answer = await response.json();
  await route.fulfill({ response, json: { ...answer, sdp: change(answer.sdp) } });
};

/** Presses Start, and lets the time that opening may take go by once the browser has the answer. */
async function startAndGiveUp(panel: Panel, url = "/") {
  const { page } = panel;
  let onAccepted = () => {};
  const accepted = new Promise<void>((resolve) => (onAccepted = resolve));
  await page.exposeFunction("accepted", () => onAccepted());
  await page.addInitScript(() => {
    const { setRemoteDescription } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setRemoteDescription = async function (answer: any) {
      await setRemoteDescription.call(this, answer);
      (window as any).accepted();
    } as any;
  });
  await page.clock.install();
  await page.goto(url);
  await panel.tickwire.start.click();
  await accepted;
  await page.clock.fastForward(15_000);
}

test.describe("says why:", () => {
  let own: OwnServer | undefined;
  const serve = async (env?: Record<string, string>) => (own = await OwnServer.start(env));
  test.afterEach(async () => {
    await own?.stop("SIGKILL");
    own = undefined;
  });

  test("the browser has no WebRTC", async ({ page }) => {
    await page.addInitScript(() => delete (window as any).RTCPeerConnection);
    const panel = new Panel(page);
    await page.goto("/");
    await panel.tickwire.start.click();
    await panel.explains("This browser makes no WebRTC connection.", "extension", "Nothing on the server", "Offer sent");
  });

  test("the browser is kept from UDP", async ({ page }) => {
    // With relays alone, and none named, it has no candidate: as with an extension that hides addresses.
    await page.addInitScript(() => {
      window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor() {
          super({ iceTransportPolicy: "relay" });
        }
      };
    });
    const panel = new Panel(page);
    await startAndGiveUp(panel);
    await panel.explains(/kept from sending UDP/, "leak protection", "Nothing on the server", "Candidate pairs checked");
  });

  test("the answer names no address", async ({ page }) => {
    const panel = new Panel(page);
    await page.route("/sdp", changeAnswer((sdp) => sdp.replace(/a=candidate:.*\r\n/g, "")));
    await startAndGiveUp(panel);
    await panel.explains(/names no address/, "tell whoever runs", "Set advertise of [port]", "Candidate pairs checked");
  });

  test("the encrypted handshake fails", async ({ page }) => {
    const panel = new Panel(page);
    await page.route(
      "/sdp",
      changeAnswer((sdp) => sdp.replace(/(a=fingerprint:sha-256 )(..)/, (_, name, byte) => name + (byte === "00" ? "01" : "00"))),
    );
    await page.goto("/");
    await panel.tickwire.start.click();
    await panel.explains(/encrypted handshake on it failed/, "another network", "1,200 bytes", "DTLS handshake");
  });

  test("the server answers nothing", async ({ page }) => {
    const panel = new Panel(page);
    const answer = await holdAnswer(page);
    await page.clock.install();
    await page.goto("/");
    await panel.tickwire.start.click();
    await answer.isHeld();
    await page.clock.fastForward(15_000);
    await panel.explains(/did not answer it in time/, "Try again", "log", "Answer received");
    await answer.release();
  });

  for (const [where, reach, what, operator] of [
    ["at a port that nothing gets through to", "127.0.0.1:9", /UDP between here and the server is blocked/, "Open UDP port 9 "],
    ["at an address that is not reachable from here", "192.0.2.1", /another address than the one/, "correct advertise"],
  ] as const) {
    test(`the server is advertised ${where}`, async ({ page }) => {
      const server = await serve({ TICKWIRE_PORT_ADVERTISE: JSON.stringify([reach]) });
      const panel = new Panel(page);
      await startAndGiveUp(panel, server.url);
      await panel.explains(what, "", operator, "Candidate pairs checked");
    });
  }

  test.describe("from a name", () => {
    test.use({ expectedErrors: [UNTRUSTWORTHY] });
    for (const [where, reach, what, operator] of [
      ["on loopback alone", "127.0.0.1:9", /names loopback addresses alone/, "Serve on an address of the network"],
      ["on an inner network alone", "10.255.255.1", /inner network alone/, "to the public address"],
    ] as const) {
      test(`the server is advertised ${where}, and the page comes from a name`, async ({ page }) => {
        const server = await serve({ TICKWIRE_PORT_ADVERTISE: JSON.stringify([reach]) });
        const panel = new Panel(page);
        await serveAt(page, "http://tickwire.test", server.url);
        await startAndGiveUp(panel, "http://tickwire.test/");
        await panel.explains(what, "", operator, "Candidate pairs checked");
      });
    }
  });

  test.describe("a proxy", () => {
    test.use({ expectedErrors: [/502/] });
    test("finds no server", async ({ page }) => {
      const panel = new Panel(page);
      await page.goto("/");
      const body = "<html><h1>502 Bad Gateway</h1></html>";
      await page.route("/sdp", (route) => route.fulfill({ status: 502, contentType: "text/html", body }));
      await panel.tickwire.start.click();
      await panel.explains(/in its place, with status 502/, "Try again", "found no server behind it", "Answer received");
    });
  });

  test("a sign-in page stands between", async ({ page }) => {
    const panel = new Panel(page);
    await page.goto("/");
    await page.route("/sdp", signIn);
    await panel.tickwire.start.click();
    await panel.explains(/in its place, with status 200/, "sign in", "unchanged", "Answer received");
  });

  test.describe("an extension", () => {
    test.use({ expectedErrors: [/ERR_BLOCKED_BY_CLIENT/] });
    test("stops the request", async ({ page }) => {
      const panel = new Panel(page);
      await page.goto("/");
      await page.route("/sdp", (route) => route.abort("blockedbyclient"));
      await panel.tickwire.start.click();
      await panel.explains(/request did not get through/, "extensions", "pass POST", "Answer received");
    });
  });

  test.describe("mixed content", () => {
    test.use({ expectedErrors: [/Content Security Policy/] });
    test("is what a proxy made of an encrypted page's request", async ({ page, baseURL }) => {
      const panel = new Panel(page);
      await serveAt(page, "https://tickwire.test", baseURL!);
      await page.route("https://tickwire.test/sdp", (route) =>
        route.fulfill({ status: 307, headers: { location: "http://tickwire.test/sdp" } }),
      );
      await page.goto("https://tickwire.test/");
      await panel.tickwire.start.click();
      await panel.explains(/stop such mixed content/, "tell whoever runs", "without a redirect to http://", "Answer received");
    });
  });

  test.describe("the server", () => {
    test.use({ expectedErrors: [/503|ERR_CONNECTION_REFUSED|ERR_INTERNET_DISCONNECTED/] });
    test("is full", async ({ page, context }) => {
      const server = await serve({ TICKWIRE_SESSION_MAX: "1" });
      const first = new TickwirePage(await context.newPage());
      await first.connect(server.url);
      const panel = new Panel(page);
      await page.goto(server.url);
      await panel.tickwire.start.click();
      await panel.explains(/The server is full/, "Wait", "Raise max of [session]", "Answer received");
    });

    test("is gone", async ({ page }) => {
      const server = await serve();
      const panel = new Panel(page);
      await page.goto(server.url);
      await expect(panel.tickwire.start).toBeEnabled();
      await server.stop("SIGKILL");
      await panel.tickwire.start.click();
      await panel.explains(/The server does not answer/, "Check your network", "/health", "Answer received");
    });

    test("is out of reach of a device that is offline", async ({ page, context }) => {
      const panel = new Panel(page);
      await page.goto("/");
      await expect(panel.tickwire.start).toBeEnabled();
      await context.setOffline(true);
      await panel.tickwire.start.click();
      await panel.explains("This device is offline.", "Connect it", "Nothing on the server", "Answer received");
    });
  });
});
