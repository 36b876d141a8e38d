// `balancer.mjs PORT READY-PATH PORT…`: hands each connection to the next server that takes some. A server that says at
// READY-PATH that it does not, or that is not there, is left out.
import { get } from "node:http";
import { connect, createServer } from "node:net";

const [port, readyPath, ...servers] = process.argv.slice(2);
const LOOK_EVERY = 250;
const isReady = new Map(servers.map((server) => [server, true]));
let next = 0;

function look(server) {
  const asked = get({ port: server, path: readyPath || "/", timeout: LOOK_EVERY, agent: false }, (answer) => {
    answer.resume();
    isReady.set(server, !readyPath || answer.statusCode === 200);
  });
  asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
  asked.on("error", () => isReady.set(server, false));
}

setInterval(() => servers.forEach(look), LOOK_EVERY);

/** Goes on to the next server where one does not take the connection. */
function hand(client, left) {
  const ready = servers.filter((server) => isReady.get(server));
  const server = (ready.length ? ready : servers)[next++ % (ready.length || servers.length)];
  const upstream = connect(Number(server), "127.0.0.1");
  let isOpen = false;
  upstream.once("connect", () => {
    isOpen = true;
    upstream.setNoDelay();
    client.pipe(upstream).pipe(client);
  });
  upstream.on("error", () => (isOpen || !left ? client.destroy() : hand(client, left - 1)));
  upstream.on("close", () => isOpen && client.destroy());
  client.on("close", () => upstream.destroy());
}

createServer((client) => {
  client.setNoDelay();
  client.on("error", () => client.destroy());
  hand(client, servers.length);
}).listen(Number(port), () => process.stdout.write('{"ready":true}\n'));
process.stdin.on("end", () => process.exit(0)).resume();
