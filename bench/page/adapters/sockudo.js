import Pusher from "pusher-js";

export function open({ url }, take) {
  const { hostname, port } = new URL(url);
  const pusher = new Pusher("bench", {
    cluster: "",
    wsHost: hostname,
    wsPort: Number(port),
    forceTLS: false,
    enabledTransports: ["ws"],
    enableStats: false,
  });
  pusher.subscribe("bench").bind("value", (value) => take(typeof value === "string" ? value : JSON.stringify(value)));
  return { close: () => pusher.disconnect() };
}
