import { geckos } from "@geckos.io/client";

export function open({ url }, take, failed) {
  const { protocol, hostname, port } = new URL(url);
  const channel = geckos({ url: `${protocol}//${hostname}`, port: Number(port), iceServers: [] });
  channel.onConnect((error) => error && failed(error));
  channel.on("value", take);
  return { close: () => channel.close() };
}
