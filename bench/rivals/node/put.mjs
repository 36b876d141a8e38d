// `put.mjs tickwire|pusher URL`: puts values into a server that is fed over HTTP, one request for each.
import { createHash, createHmac } from "node:crypto";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { run } from "./producer.mjs";

const [kind, url] = process.argv.slice(2);
// So many that a value need not wait for the answer to the one before it.
const agent = new Agent({ keepAlive: true, maxSockets: 32 });
let isFailing = false;

function send(method, path, headers, body) {
  const sent = request(new URL(path, url), { agent, method, headers }, (answer) => {
    answer.resume();
    if (answer.statusCode >= 300 && !isFailing) {
      isFailing = true;
      process.stderr.write(`${method} ${path} was answered with ${answer.statusCode}\n`);
    }
  });
  // The server may be away for a while: what comes later is newer.
  sent.on("error", () => {});
  sent.end(body);
}

const put = {
  tickwire: (key, text) =>
    send(
      "PUT",
      `/topics/bench/${key}`,
      { authorization: `Bearer ${process.env.BENCH_KEY}`, "content-type": "application/json", "content-length": Buffer.byteLength(text) },
      text,
    ),
  /** An event of Pusher's HTTP API, signed as that says. */
  pusher: (_, text) => {
    const body = JSON.stringify({ name: "value", channel: "bench", data: text });
    const path = "/apps/bench/events";
    const query =
      `auth_key=bench&auth_timestamp=${Math.floor(Date.now() / 1000)}&auth_version=1.0` +
      `&body_md5=${createHash("md5").update(body).digest("hex")}`;
    const signature = createHmac("sha256", process.env.BENCH_KEY).update(`POST\n${path}\n${query}`).digest("hex");
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    send("POST", `${path}?${query}&auth_signature=${signature}`, headers, body);
  },
}[kind];
if (!put) throw new Error(`put.mjs cannot feed ${kind}: say tickwire or pusher`);

/** Whether something listens there. */
const listens = ({ hostname, port }) =>
  new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

// The server is being started beside this program, and says nothing when it is there.
while (!(await listens(new URL(url)))) await new Promise((resolve) => setTimeout(resolve, 20));
run(put);
