import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folder, selfSigned } from "./certificate";
import { freePort, sessions } from "./server";
import { expect, test, TickwirePage } from "./support";

const DOCUMENT = fileURLToPath(new URL("../../docs/proxies.md", import.meta.url));
const NAME = "live.example.com";

/** What the document has in this language. */
async function block(language: string): Promise<string> {
  const found = new RegExp(`\`\`\`${language}\n(.*?)\n\`\`\``, "s").exec(await readFile(DOCUMENT, "utf8"));
  expect(found, `a block of ${language} in ${DOCUMENT}`).not.toBeNull();
  return found![1];
}

/** The document's text with these in place of what is there. */
function adapt(text: string, changes: Record<string, string>): string {
  for (const [from, to] of Object.entries(changes)) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  return text;
}

interface Place {
  folder: string;
  /** Where the proxy is to listen, and the server's HTTP is. */
  port: number;
  server: string;
}

/** What starts a proxy in this place. */
const PROXIES: Record<string, (place: Place) => Promise<string[]>> = {
  nginx: async ({ folder, port, server }) => {
    const { certificate, key } = selfSigned(folder);
    const file = join(folder, "conf");
    const site = adapt(await block("nginx"), {
      "127.0.0.1:8080": server,
      "listen 443": `listen 127.0.0.1:${port}`,
      [NAME]: "localhost",
      "/etc/ssl/localhost.pem": certificate,
      "/etc/ssl/localhost.key": key,
    });
    const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((it) => `${it}_temp_path ${folder}/${it};`);
    await writeFile(
      file,
      `daemon off; pid ${folder}/pid; error_log stderr; events {} http { access_log off; ${paths.join(" ")}\n${site}\n}`,
    );
    return ["nginx", "-p", folder, "-c", file];
  },
  caddy: async ({ folder, port, server }) => {
    const site = adapt(await block("caddyfile"), { "127.0.0.1:8080": server, [NAME]: `https://localhost:${port}` });
    await writeFile(join(folder, "Caddyfile"), `{\n admin off\n skip_install_trust\n auto_https disable_redirects\n}\n${site}`);
    return ["caddy", "run", "--config", join(folder, "Caddyfile")];
  },
};

test.use({ ignoreHTTPSErrors: true });

for (const [name, prepare] of Object.entries(PROXIES)) {
  test(`works behind ${name}, as it is documented`, async ({ page, request, serve, atEnd }) => {
    const place = await folder(atEnd);
    const [port, data] = [await freePort(), await freePort()];
    const server = await serve({
      TICKWIRE_PORT_LISTEN: JSON.stringify([`0.0.0.0:${data}`]),
      TICKWIRE_HTTP_TRUSTED_PROXIES: '["127.0.0.1"]',
    });
    const [command, ...args] = await prepare({ folder: place, port, server: `127.0.0.1:${server.port}` });
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin`, HOME: place, XDG_DATA_HOME: place };
    const proxy = spawn(command, args, { env, stdio: "ignore" });
    const ended = once(proxy, "exit");
    atEnd(async () => {
      proxy.kill();
      await ended;
    });
    const url = `https://localhost:${port}`;
    await expect.poll(() => request.get(`${url}/health/live`).then((it) => it.status(), () => 0)).toBe(200);
    const tickwire = new TickwirePage(page);
    await page.goto(url);
    await tickwire.start.click();
    await tickwire.echo(`behind ${name}`);
    await expect.poll(() => sessions(request, url)).toBe(1);
    // Data goes beside the proxy, by TCP too.
    await once(connect(data, "127.0.0.1").unref(), "connect");
    // An event of a topic comes when it happens, and not when a buffer is full.
    const event = await page.evaluate(async () => {
      const response = await fetch("topics/prices", { headers: { accept: "text/event-stream" } });
      const reader = response.body!.getReader();
      const { value } = await reader.read();
      await reader.cancel();
      return new TextDecoder().decode(value);
    });
    expect(event).toContain("data:");
    // And a WebSocket, of a page that has this name.
    const said = await page.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(new URL("ws", location.href.replace("http", "ws")), "tickwire.2");
          socket.onmessage = ({ data }) => (resolve(data), socket.close());
          socket.onclose = () => reject(new Error("closed"));
        }),
    );
    expect(said).toContain('"type":"hello"');
  });
}
