import { RTCPeerConnection } from "werift";
import { drive } from "./driver.mjs";

// Without servers it asks one on the internet.
await drive(new RTCPeerConnection({ iceServers: [] }));
