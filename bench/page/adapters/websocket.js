export function open({ url }, take) {
  const socket = new WebSocket(url.replace(/^http/, "ws") + "ws");
  socket.onmessage = ({ data }) => take(data);
  return { close: () => socket.close() };
}
