// The products that are compared, in the order in which the report has them. Each says what it is, builds itself, and
// starts a server; its half in the browser is `page/adapters/NAME.js`.
import { moq } from "./moq.mjs";
import { geckos, socketio } from "./node.mjs";
import { pion } from "./pion.mjs";
import { sockudo } from "./sockudo.mjs";
import { sse, websocket } from "./streams.mjs";
import { tickwire } from "./tickwire.mjs";

export const PRODUCTS = [tickwire, websocket, sse, socketio, geckos, pion, moq, sockudo];
