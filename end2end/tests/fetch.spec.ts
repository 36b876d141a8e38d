import { expect, test } from "@playwright/test";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

// What set-up downloads is what is pinned, or it is not taken.

const content = "what its authors publish";
const sha256 = createHash("sha256").update(content).digest("hex");

async function fetched(path: string) {
  const server = createServer((request, response) => {
    const bodies: Record<string, string> = { "/right": content, "/wrong": content + "!" };
    const body = bodies[request.url ?? ""];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  if (path === "/nobody") {
    await new Promise((closed) => server.close(closed));
  }
  const folder = test.info().outputPath("fetched");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "file");
  const url = `http://127.0.0.1:${port}${path}`;
  const child = spawn("../scripts/fetch", [url, sha256, file], { cwd: process.cwd() });
  let said = "";
  child.stderr.on("data", (data) => (said += data));
  const [status] = await once(child, "close");
  server.close();
  return { status, said, files: readdirSync(folder), file };
}

test("takes the file that is pinned", async () => {
  const { status, files, file } = await fetched("/right");
  expect(status).toBe(0);
  expect(files).toEqual(["file"]);
  expect(readFileSync(file, "utf8")).toBe(content);
});

test("takes no other, says so, and keeps nothing of it", async () => {
  const { status, said, files } = await fetched("/wrong");
  expect(status).toBe(3);
  expect(said).toContain(`expected SHA-256 ${sha256}, found `);
  expect(files).toEqual([]);
});

for (const [path, what] of [["/nothing", "there is no file"], ["/nobody", "nobody answers"]] as const) {
  test(`says that it could not be had where ${what}`, async () => {
    const { status, files } = await fetched(path);
    expect(status).toBe(1);
    expect(files).toEqual([]);
  });
}
