import type { Page } from "@playwright/test";

/** Keeps each channel `control` of the page, and what is said on them, as `window.controls` and `window.said`. */
export const watchControl = (page: Page) =>
  page.addInitScript(() => {
    const controls: RTCDataChannel[] = ((window as any).controls = []);
    const said: unknown[] = ((window as any).said = []);
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (label, init) {
      const channel = create.call(this, label, init);
      if (label !== "control") return channel;
      controls.push(channel);
      const send = channel.send as (data: string) => void;
      channel.send = (data: unknown) => {
        said.push(JSON.parse(data as string));
        send.call(channel, data as string);
      };
      return channel;
    };
  });

/** The page hears this as if its server had said it, on the newest session. */
export const hear = (page: Page, message: object) =>
  page.evaluate((data) => {
    const [newest] = (window as any).controls.slice(-1);
    newest.dispatchEvent(new MessageEvent("message", { data }));
  }, JSON.stringify(message));

/** What the page has said of this type. */
export const said = (page: Page, type: string): Promise<object[]> =>
  page.evaluate((type) => (window as any).said.filter((it: { type: string }) => it.type === type), type);
