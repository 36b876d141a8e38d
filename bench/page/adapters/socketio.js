import { io } from "socket.io-client";

export function open({ url }, take) {
  // A connection of its own for each reader, as readers elsewhere have.
  const socket = io(url, { forceNew: true });
  socket.on("value", take);
  return { close: () => socket.close(), path: () => socket.io.engine.transport.name };
}
