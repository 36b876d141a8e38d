import type { Page, Request } from "@playwright/test";

/** What the browser says of requests to a server that is gone, or has forgotten the session. */
export const GONE_SERVER =
  /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 404|ws:.* was interrupted|connection to the server at ws:/;

/** What Firefox says where no datagram gets through. */
export const NO_WAY = /WebRTC: ICE failed/;

/** The requests that the page makes to the signalling. */
export function signalling(page: Page): string[] {
  const made: string[] = [];
  page.on("request", (request: Request) => {
    const path = new URL(request.url()).pathname;
    if (path.startsWith("/sdp")) made.push(`${request.method()} ${path.replace(/[0-9a-f]{32}/, "{id}")}`);
  });
  return made;
}

/** The device's network is there again, or is another. */
export const changeNetwork = (page: Page) => page.evaluate(() => void window.dispatchEvent(new Event("online")));
/** Somebody looks at the page. */
export const look = (page: Page) => page.evaluate(() => void document.dispatchEvent(new Event("visibilitychange")));

/** Where no WebSocket gets through: whoever makes one is told at once. */
export const withoutWebSocket = (page: Page) =>
  page.addInitScript(() => {
    (window as any).WebSocket = class {
      constructor() {
        throw new DOMException("Blocked", "SecurityError");
      }
    };
  });
