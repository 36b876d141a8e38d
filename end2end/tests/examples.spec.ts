import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "@playwright/test";
import { OwnServer } from "./server";

const KEY = "a-key-of-the-tests-with-enough-characters";
const CONFIG = `
[api]
keys = ["${KEY}"]
[[topic]]
match = "{name}"
`;
const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const PRODUCERS = [
  { name: "the producer in Python", command: [at(".venv/bin/python"), at("../examples/rooms.py")], topic: "rooms", keys: ["attic", "cellar", "hall", "kitchen"] },
  { name: "the loop in a shell", command: [at("../examples/load.sh")], topic: "load", keys: ["15min", "1min", "5min"] },
];

for (const { name, command, topic, keys } of PRODUCERS) {
  test(`${name} publishes`, async ({ request }) => {
    const server = await OwnServer.configured(CONFIG);
    const { url } = server;
    const [program, ...parameters] = command;
    const producer = spawn(program!, [...parameters, url], { env: { ...process.env, TICKWIRE_KEY: KEY } });
    let said = "";
    producer.stderr.on("data", (data) => (said += data));
    const read = async () => (await request.get(`${url}/topics/${topic}`)).json();
    try {
      await expect.poll(async () => Object.keys((await read()).values), { message: said }).toEqual(keys);
      const { version } = await read();
      await expect.poll(async () => (await read()).version, { message: said }).toBeGreaterThan(version);
    } finally {
      producer.kill();
      await server.end();
    }
  });
}
