import type { Page } from "@playwright/test";
import { NAME } from "../name";
import { changeAnswer, holdAnswer } from "./answers";
import { NO_WAY, withoutWebSocket } from "./link";
import { Panel, signIn } from "./panel";
import { either, expect, test, TickwirePage } from "./support";

test.beforeEach(({ page }) => withoutWebSocket(page));

/** Presses Start on a page that is there. */
async function start(page: Page, url = "/"): Promise<Panel> {
  const panel = new Panel(page);
  await page.goto(url);
  await panel.tickwire.start.click();
  return panel;
}

/** Presses Start, and lets the time that opening may take go by once the browser has come so far. */
async function startAndGiveUp(page: Page, url = "/", reached: "answer" | "connected" = "answer"): Promise<Panel> {
  await page.addInitScript(() => {
    const reached: string[] = ((window as any).reached = []);
    const accept: (answer: RTCSessionDescriptionInit) => Promise<void> = RTCPeerConnection.prototype.setRemoteDescription;
    RTCPeerConnection.prototype.setRemoteDescription = async function (answer: RTCSessionDescriptionInit) {
      this.addEventListener("connectionstatechange", () => reached.push(this.connectionState));
      await accept.call(this, answer);
      reached.push("answer");
    };
  });
  await page.clock.install();
  const panel = await start(page, url);
  await page.waitForFunction((reached) => (window as any).reached.includes(reached), reached);
  await page.clock.fastForward(15_000);
  return panel;
}

test.describe("the browser", () => {
  test.use({ expectedErrors: either(NO_WAY, /ERR_INTERNET_DISCONNECTED/) });

  test("has no WebRTC", async ({ page }) => {
    await page.addInitScript(() => delete (window as any).RTCPeerConnection);
    const panel = await start(page);
    await panel.explains("This browser makes no WebRTC connection.", "extension", "Nothing on the server", "Offer sent");
  });

  test("does not create a channel, and then does", async ({ page }) => {
    await page.addInitScript(() => {
      const { createDataChannel } = RTCPeerConnection.prototype;
      RTCPeerConnection.prototype.createDataChannel = function (label, init) {
        if (label === "echo" && !(window as any).isAllowed) throw new DOMException("Not here", "OperationError");
        return createDataChannel.call(this, label, init);
      };
    });
    const panel = await start(page);
    await panel.explains("This browser makes no WebRTC connection.", "extension", "Nothing on the server", "Offer sent");
    await expect(panel.tickwire.status).toContainText("This browser does not create the channel “echo”: Not here");
    await page.evaluate(() => void ((window as any).isAllowed = true));
    await panel.tickwire.start.click();
    await expect(panel.tickwire.status).toContainText("Connected");
  });

  test("is kept from UDP", async ({ page }) => {
    // With relays alone, and none named, it has no candidate: as with an extension that hides addresses.
    await page.addInitScript(() => {
      window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor() {
          super({ iceTransportPolicy: "relay" });
        }
      };
    });
    const panel = await startAndGiveUp(page);
    await panel.explains(/kept from sending UDP/, "leak protection", "Nothing on the server", "Candidate pairs checked");
  });

  test("is on a device that is offline", async ({ page, context }) => {
    const panel = new Panel(page);
    await page.goto("/");
    await expect(panel.tickwire.start).toBeEnabled();
    await context.setOffline(true);
    await panel.tickwire.start.click();
    await panel.explains("This device is offline.", "Connect it", "Nothing on the server", "Answer received");
  });
});

test.describe("the answer", () => {
  // Where the server hears of the failure too, the page's own request to end the session finds none.
  test.use({ expectedErrors: either(NO_WAY, /404 \(Not Found\)/) });

  test("names no address", async ({ page }) => {
    await changeAnswer(page, (sdp) => sdp.replace(/a=candidate:.*\r\n/g, ""));
    const panel = await startAndGiveUp(page);
    await panel.explains(/names no address/, "tell whoever runs", "Set advertise of [port]", "Candidate pairs checked");
  });

  test("breaks off", async ({ page }) => {
    await changeAnswer(page, (sdp) => sdp.slice(0, 60));
    const panel = await start(page);
    await panel.explains(/could not use the server’s answer/, "Reload", "from the same build", "Candidate pairs checked");
  });

  test("has the fingerprint of another certificate", async ({ page }) => {
    await changeAnswer(page, (sdp) =>
      sdp.replace(/(a=fingerprint:sha-256 )(..)/, (_, name, byte) => name + (byte === "00" ? "01" : "00")),
    );
    const panel = await start(page);
    await panel.explains(/encrypted handshake on it failed/, "another network", "1,200 bytes", "DTLS handshake");
  });

  test("does not come", async ({ page }) => {
    const answer = await holdAnswer(page);
    await page.clock.install();
    const panel = await start(page);
    await answer.isHeld();
    await page.clock.fastForward(15_000);
    await panel.explains(/did not answer it in time/, "Try again", "log", "Answer received");
    await answer.release();
  });
});

test.describe("the network", () => {
  test("lets the handshake through, and no data", async ({ page, serveBehindRelay }) => {
    /** What is exchanged after the handshake: content type 23 (RFC 6347 section 4.3.1), or epoch 3 (RFC 9147 section 4). */
    const isData = (first: number) => first === 23 || (first & 0xe3) === 0x23;
    const { server } = await serveBehindRelay({ blocks: (datagram) => isData(datagram[0]) });
    const panel = await startAndGiveUp(page, server.url, "connected");
    await panel.explains(/no channel opened on it/, "Start again", "max of [channel]", "Channels open");
  });
});

test.describe("the server is advertised", () => {
  test.use({ expectedErrors: NO_WAY });
  const advertise = (place: string) => ({ TICKWIRE_PORT_ADVERTISE: JSON.stringify([place]) });

  for (const [where, place, what, operator] of [
    ["at a port that nothing gets through to", "127.0.0.1:9", /UDP between here and the server is blocked/, "Open UDP port 9 "],
    ["at an address that is not reachable from here", "192.0.2.1", /another address than the one/, "correct advertise"],
  ] as const) {
    test(where, async ({ page, serve }) => {
      const server = await serve(advertise(place));
      const panel = await startAndGiveUp(page, server.url);
      await panel.explains(what, "", operator, "Candidate pairs checked");
    });
  }

  for (const [where, place, what, operator] of [
    ["on loopback alone", "127.0.0.1:9", /names loopback addresses alone/, "Serve on an address of the network"],
    ["on an inner network alone", "10.255.255.1", /inner network alone/, "to the public address"],
  ] as const) {
    test(`${where}, and the page comes from a name`, async ({ page, serve }) => {
      const server = await serve(advertise(place));
      const panel = await startAndGiveUp(page, server.at(NAME));
      await panel.explains(what, "", operator, "Candidate pairs checked");
    });
  }
});

test.describe("the server", () => {
  test.use({ expectedErrors: /status of (400|500|503)|ERR_CONNECTION_REFUSED/ });

  test("is full", async ({ page, context, serve }) => {
    const server = await serve({ TICKWIRE_SESSION_MAX: "1" });
    const first = new TickwirePage(await context.newPage());
    await first.connect(server.url);
    const panel = await start(page, server.url);
    await panel.explains(/The server allows no more sessions/, "Wait", "Raise max of [session]", "Answer received");
  });

  test("does not take so many channels", async ({ page, serve }) => {
    const server = await serve({ TICKWIRE_CHANNEL_MAX: "2" });
    const panel = await start(page, server.url);
    await panel.explains(/did not accept what this page asked for/, "Reload", "raise it in Leptos.toml", "Answer received");
    await expect(panel.tickwire.status).toContainText("Expected at most 2 channels, found 6.");
  });

  for (const [name, status, code, what, user, operator] of [
    ["failed", 500, "internal", /The server failed at what/, "Try again in a minute", "the error in the server’s log"],
    ["is shutting down", 503, "shutting-down", /is being stopped or restarted/, "Wait a moment", "Start the server again"],
  ] as const) {
    test(name, async ({ page }) => {
      await page.route("/sdp", (route) => route.fulfill({ status, json: { code, message: "In its words." } }));
      const panel = await start(page);
      await panel.explains(what, user, operator, "Answer received");
    });
  }

  test("is gone", async ({ page, serve }) => {
    const server = await serve();
    const panel = new Panel(page);
    await page.goto(server.url);
    await expect(panel.tickwire.start).toBeEnabled();
    await server.stop("SIGKILL");
    await panel.tickwire.start.click();
    await panel.explains(/The server does not answer/, "Check your network", "/health", "Answer received");
  });
});

test.describe("something between", () => {
  test.use({ expectedErrors: /status of 50[23]|ERR_BLOCKED_BY_CLIENT|Content.Security.Policy/ });
  const html = (status: number) => ({ status, contentType: "text/html", body: `<html><h1>${status}</h1></html>` });

  test("is a proxy that finds no server", async ({ page }) => {
    await page.route("/sdp", (route) => route.fulfill(html(502)));
    const panel = await start(page);
    await panel.explains(/in its place, with status 502/, "Try again", "found no server behind it", "Answer received");
  });

  test("is a proxy whose server is being started", async ({ page }) => {
    await page.route("/sdp", (route) => route.fulfill(html(503)));
    const panel = await start(page);
    await panel.explains(/is being stopped or restarted/, "Wait a moment", "Start the server again", "Answer received");
  });

  test("asks people to sign in", async ({ page }) => {
    await page.route("/sdp", signIn);
    const panel = await start(page);
    await panel.explains(/in its place, with status 200/, "sign in", "unchanged", "Answer received");
  });

  test("is an extension that stops the request", async ({ page }) => {
    await page.route("/sdp", (route) => route.abort("blockedbyclient"));
    const panel = await start(page);
    await panel.explains(/request did not get through/, "extensions", "pass POST", "Answer received");
  });

  test("leads an encrypted page's request to unencrypted HTTP", async ({ page, baseURL }) => {
    const secure = `https://${NAME}`;
    await page.route(`${secure}/**`, async (route) => {
      const url = route.request().url().replace(secure, baseURL!);
      await route.fulfill({ response: await route.fetch({ url }) });
    });
    await page.route(`${secure}/sdp`, (route) =>
      route.fulfill({ status: 307, headers: { location: `http://${NAME}/sdp` } }),
    );
    const panel = await start(page, `${secure}/`);
    await panel.explains(/stop such mixed content/, "tell whoever runs", "without a redirect to http://", "Answer received");
  });
});
