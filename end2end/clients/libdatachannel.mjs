import { once, EventEmitter } from "node:events";
import { PeerConnection } from "node-datachannel";
import { drive } from "./driver.mjs";

/** libdatachannel's connection under the names that W3C's has. */
class Connection {
  #native = new PeerConnection("client", { iceServers: [], disableAutoNegotiation: true });
  #descriptions = new EventEmitter();

  constructor() {
    this.#native.onGatheringStateChange((state) => {
      if (state === "complete") this.#descriptions.emit("complete");
    });
  }

  createDataChannel(label, { ordered, ...init } = {}) {
    return new Channel(this.#native.createDataChannel(label, { ...init, unordered: ordered === false }));
  }

  // It makes an offer and takes it as its own in one, and takes no other.
  createOffer() {
    return { type: "offer", sdp: "" };
  }

  async setLocalDescription() {
    const complete = once(this.#descriptions, "complete");
    this.#native.setLocalDescription("offer");
    await complete;
  }

  get localDescription() {
    return this.#native.localDescription();
  }

  setRemoteDescription({ type, sdp }) {
    this.#native.setRemoteDescription(sdp, type);
  }

  close() {
    this.#native.close();
  }
}

class Channel {
  #native;

  constructor(native) {
    this.#native = native;
  }

  get readyState() {
    return this.#native.isOpen() ? "open" : "connecting";
  }

  set onopen(call) {
    this.#native.onOpen(call);
  }

  set onmessage(call) {
    this.#native.onMessage((data) => call({ data }));
  }

  set onclose(call) {
    this.#native.onClosed(call);
  }

  send(data) {
    const isTaken = typeof data === "string" ? this.#native.sendMessage(data) : this.#native.sendMessageBinary(data);
    if (!isTaken) throw new Error("The message was not taken.");
  }

  close() {
    this.#native.close();
  }
}

await drive(new Connection());
