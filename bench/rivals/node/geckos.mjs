// `geckos.mjs IP PORT`: values as events of geckos.io, by its channel without order and retransmissions.
import { createServer } from "node:http";
import geckos from "@geckos.io/server";
import { run } from "./producer.mjs";

const [host, port] = process.argv.slice(2);
const http = createServer();
// No STUN: server and readers reach each other as they are.
const io = geckos({ iceServers: [], cors: { allowAuthorization: false, origin: "*" } });
io.addServer(http);
// Its server sends only to channels that it was told of.
io.onConnection(() => {});
http.listen(Number(port), host, () => run((_, text) => io.emit("value", text)));
