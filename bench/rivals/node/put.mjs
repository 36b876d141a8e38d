// `put.mjs pusher HOST PORT`: puts values into a server that is fed over HTTP, one request for each.
import { createHash, createHmac } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./producer.mjs";

const [kind, host, port] = process.argv.slice(2);
const secret = process.env.BENCH_KEY;

const request = (method, path, headers, body) =>
  `${method} ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\ncontent-type: application/json\r\n${headers}` +
  `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const requests = {
  /** An event of Pusher's HTTP API, signed as that says. */
  pusher: (_, text) => {
    const body = JSON.stringify({ name: "value", channel: "bench", data: text });
    const path = "/apps/bench/events";
    const query =
      `auth_key=bench&auth_timestamp=${Math.floor(Date.now() / 1000)}&auth_version=1.0` +
      `&body_md5=${createHash("md5").update(body).digest("hex")}`;
    const signature = createHmac("sha256", secret).update(`POST\n${path}\n${query}`).digest("hex");
    return request("POST", `${path}?${query}&auth_signature=${signature}`, "", body);
  },
};

/** A connection that is opened again for the next request where the server has closed it. */
class Connection {
  #socket;

  open() {
    this.#socket = connect(Number(port), host).setNoDelay();
    this.#socket.on("data", told);
    // The server may be away for a while: what comes later is newer.
    this.#socket.on("error", () => {});
    return new Promise((resolve) => {
      this.#socket.once("connect", () => resolve(true)).once("close", () => resolve(false));
    });
  }

  send(text) {
    if (!this.#socket?.writable) this.open();
    this.#socket.write(text);
  }
}

let hasTold = false;

/** Says once when the server refuses a value. */
function told(data) {
  const [, status] = data.toString("latin1").match(/^HTTP\/1\.1 (\d+)/) ?? [];
  if (!(status >= 300) || hasTold) return;
  hasTold = true;
  process.stderr.write(`a value was answered with ${status}: ${data}\n`);
}

const make = requests[kind];
if (!make) throw new Error(`put.mjs cannot feed '${kind}': say pusher`);

// One for each key, so that values of a key stay in order without one waiting for another's answer.
const connections = new Map();
function put(key, text) {
  if (!connections.has(key)) connections.set(key, new Connection());
  connections.get(key).send(make(key, text));
}

// The server is being started beside this program, and says nothing when it is there.
while (!(await new Connection().open())) await sleep(20);
run(put);
