import * as Moq from "@moq/net";
import { KEYS } from "../reader.js";

/** The newest value of a key, for as long as the broadcast is there; what comes late is skipped. */
async function read(track, take) {
  for (let group = await track.nextGroup(); group; group = await track.nextGroup()) {
    const text = await group.readString();
    if (text !== undefined) take(text);
  }
}

export function open({ url, settings }, take, failed) {
  const connection = new Moq.Connection.Reload({
    // Its types say that this is so without a word; in 0.3.4 it is not.
    enabled: true,
    url: new URL(url.replace(/^http/, "https")),
    webtransport: { serverCertificateHashes: settings.fingerprints.map((value) => ({ value })) },
    // Where WebTransport does not get through, after 500 ms as it comes.
    websocket: { url: new URL(url.replace(/^http/, "ws")) },
  });
  connection.closed.catch(failed);
  const { active } = connection.announcedBroadcast(Moq.Path.from("bench"));
  const subscribe = (broadcast) => {
    for (let key = 0; broadcast && key < KEYS; key += 1) {
      // A track that ends is there again with the next broadcast, for which this is called anew.
      read(broadcast.track(`k${key}`).subscribe(), take).catch(() => {});
    }
  };
  active.subscribe(subscribe);
  subscribe(active.peek());
  return { close: () => connection.close(), path: () => connection.established.peek()?.transport };
}
