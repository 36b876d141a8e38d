import { test as base, expect, type APIRequestContext, type APIResponse } from "@playwright/test";
import { Client, connect, leave, LIBRARIES, type Library, type Message } from "./clients";
import { OwnServer, sessions } from "./server";

interface Fixtures {
  server: OwnServer;
  /** Starts a client. */
  start: (library: Library) => Client;
}

const test = base.extend<Fixtures>({
  server: async ({}, use) => {
    const server = await OwnServer.start();
    await use(server);
    await server.stop("SIGKILL");
  },
  start: async ({ server }, use) => {
    const clients: Client[] = [];
    await use((library) => {
      const client = new Client(library);
      clients.push(client);
      return client;
    });
    await Promise.all(clients.map((client) => client.kill()));
  },
});

interface Reliability {
  ordered?: boolean;
  maxRetransmits?: number;
  maxPacketLifeTime?: number;
}

const RELIABILITIES: [string, Reliability][] = [
  ["reliable and in order", {}],
  ["unordered and never sent again", { ordered: false, maxRetransmits: 0 }],
  ["unordered for 100 ms", { ordered: false, maxPacketLifeTime: 100 }],
];

/** The last is the largest that the server takes. */
const MESSAGES: Message[] = [
  "",
  "a",
  "Grüße 🛰️🦀",
  "é".repeat(8 * 1024),
  ...[0, 1, 16 * 1024, 64 * 1024].map((length) => Buffer.from(Array.from({ length }, (_, index) => index % 251))),
];

/** The channel that is open for the session's sake. */
const KEPT = { id: 100, negotiated: true };

for (const library of LIBRARIES) {
  test.describe(library.name, () => {
    test.describe.configure({ retries: library.retries });

    for (const [name, reliability] of RELIABILITIES) {
      test(`a channel that is announced, ${name}, echoes`, async ({ request, server, start }) => {
        const client = start(library);
        const channel = client.createChannel("echo", reliability);
        await connect(request, server, client);
        await client.opened(channel);
        await echoEach(library, client, channel, reliability);
        await leave(request, server, client);
      });

      test(`a channel that both create, ${name}, echoes`, async ({ request, server, start }) => {
        const client = start(library);
        const init = { ...reliability, id: 7, negotiated: true };
        const channel = client.createChannel("echo", init);
        await connect(request, server, client, { channels: [{ label: "echo", ...init }] });
        await client.opened(channel);
        await echoEach(library, client, channel, reliability);
        await leave(request, server, client);
      });
    }

    test("channels that are announced close, and others take their places", async ({ request, server, start }) => {
      test.skip(!library.waitsForBoth, "It closes the next channel with the one before.");
      const client = start(library);
      client.createChannel("echo", KEPT);
      await connect(request, server, client, { channels: [{ label: "echo", ...KEPT }] });
      for (let round = 1; round <= 5; round += 1) {
        const channel = client.createChannel("echo");
        await client.opened(channel);
        await echo(client, channel, `announced ${round}`);
        client.send(channel, `stale ${round}`);
        await client.close(channel);
      }
      await leave(request, server, client);
    });

    test("channels that both create close, and others take their ids", async ({ request, server, start }) => {
      const client = start(library);
      const kept = client.createChannel("echo", KEPT);
      const session = await connect(request, server, client, { channels: [{ label: "echo", ...KEPT }] });
      await client.opened(kept);
      const init = { id: 7, negotiated: true };
      for (let round = 1; round <= 5; round += 1) {
        // Until the server, too, has closed the one before.
        await expect(async () => {
          const data = { channels: [{ label: "echo", ...init }] };
          expect((await change(request, session, data)).status()).toBe(204);
        }).toPass();
        const channel = client.createChannel("echo", init);
        await client.opened(channel);
        await echo(client, channel, `created ${round}`);
        client.send(channel, `stale ${round}`);
        await client.close(channel);
      }
      await echo(client, kept, "kept");
      await leave(request, server, client);
    });

    for (const [name, edit] of [
      ["an offer without a bundle is answered", (sdp: string) => sdp.replace(/a=group:BUNDLE.*\r\n/, "")],
      [
        "the server makes the handshake of an offer that is passive",
        (sdp: string) => sdp.replace("a=setup:actpass", "a=setup:passive"),
      ],
    ] as const) {
      test(name, async ({ request, server, start }) => {
        const client = start(library);
        const channel = client.createChannel("echo");
        await connect(request, server, client, { edit });
        await client.opened(channel);
        await echo(client, channel, name);
        await leave(request, server, client);
      });
    }

    test("an offer in the syntax before RFC 8841 is answered", async ({ request, server, start }) => {
      test.skip(!library.isLegacy, "It does not write it.");
      const client = start(library);
      const channel = client.createChannel("echo");
      await connect(request, server, client, { legacy: true });
      await client.opened(channel);
      await echo(client, channel, "legacy");
      await leave(request, server, client);
    });

    test("ICE is restarted, and the echo goes on", async ({ request, server, start }) => {
      test.skip(!library.restarts, "It cannot restart ICE.");
      const client = start(library);
      const channel = client.createChannel("echo");
      const session = await connect(request, server, client);
      await client.opened(channel);
      await echo(client, channel, "before");
      for (let round = 1; round <= 2; round += 1) {
        const offer = { type: "offer", sdp: await client.offer({ restart: true }) };
        const answer = await change(request, session, offer);
        expect(answer.status(), await answer.text()).toBe(200);
        await client.answer((await answer.json()).sdp);
        await echo(client, channel, `after ${round}`);
      }
      await expect.poll(() => sessions(request, server.url)).toBe(1);
      await leave(request, server, client);
    });
  });
}

function change(request: APIRequestContext, session: string, data: object): Promise<APIResponse> {
  return request.patch(session, { headers: { "if-match": "*" }, data });
}

/** Sends, and expects that the same comes back, and nothing before it. */
async function echo(client: Client, channel: number, message: Message) {
  client.send(channel, message);
  expect(same(await client.message(channel), message)).toBe(true);
}

/** Sends each message, and expects it back; where one may be lost, it is sent until it comes. */
async function echoEach(library: Library, client: Client, channel: number, { ordered = true }: Reliability) {
  for (const message of MESSAGES.filter(({ length }) => length > 0 || library.sendsEmpty)) {
    if (ordered) {
      await echo(client, channel, message);
      continue;
    }
    const comes = expect.poll(() => {
      client.send(channel, message);
      return client.messages(channel).some((came) => same(came, message));
    });
    await comes.toBe(true);
  }
}

function same(one: Message, other: Message): boolean {
  return typeof one === typeof other && Buffer.from(one).equals(Buffer.from(other));
}
