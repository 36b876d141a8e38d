// `socketio.mjs IP PORT`: values as volatile events of Socket.IO, which a connection that is not ready goes without.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { run } from "./producer.mjs";

const [host, port] = process.argv.slice(2);
const http = createServer();
const io = new Server(http);
http.listen(Number(port), host, () => run((_, text) => io.volatile.emit("value", text)));
