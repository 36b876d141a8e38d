import wrtc from "@roamhq/wrtc";
import { drive } from "./driver.mjs";

await drive(new wrtc.RTCPeerConnection());
