import type { Page } from "@playwright/test";

/** What a link has made and not taken back; the memory is that of the page's WebAssembly. */
export interface Left {
  connections: number;
  channels: number;
  /** On connections and channels; on the window, the document and what they have. */
  listeners: number;
  surroundings: number;
  timers: number;
  memory: number;
}

/** Counts what the page makes and takes back. */
export async function countWhatIsLeft(page: Page): Promise<() => Promise<Left>> {
  await page.addInitScript(() => {
    const counts: Left = ((window as any).counts = {
      connections: 0,
      channels: 0,
      listeners: 0,
      surroundings: 0,
      timers: 0,
      memory: 0,
    });
    const open = new Set<object>();
    const Original = RTCPeerConnection;
    (window as any).RTCPeerConnection = new Proxy(Original, {
      construct(target, args) {
        const connection = new target(...args);
        counts.connections++;
        open.add(connection);
        return connection;
      },
    });
    const { close, createDataChannel } = Original.prototype;
    Original.prototype.close = function () {
      if (open.delete(this)) counts.connections--;
      close.call(this);
    };
    Original.prototype.createDataChannel = function (...args) {
      const channel = createDataChannel.apply(this, args);
      counts.channels++;
      open.add(channel);
      return channel;
    };
    const closeChannel = RTCDataChannel.prototype.close;
    RTCDataChannel.prototype.close = function () {
      if (open.delete(this)) counts.channels--;
      closeChannel.call(this);
    };
    const count = (target: EventTarget | undefined, change: number) => {
      if (target instanceof Original || target instanceof RTCDataChannel) counts.listeners += change;
      else if (!(target instanceof Element)) counts.surroundings += change;
    };
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (...args: any) {
      count(this, 1);
      return addEventListener.apply(this, args);
    };
    EventTarget.prototype.removeEventListener = function (...args: any) {
      count(this, -1);
      return removeEventListener.apply(this, args);
    };
    const timers = new Set<number>();
    const { setTimeout: set, clearTimeout: clear } = window;
    (window as any).setTimeout = (callback: () => void, wait: number) => {
      const timer = set(() => {
        timers.delete(timer);
        callback();
      }, wait);
      timers.add(timer);
      return timer;
    };
    (window as any).clearTimeout = (timer: number) => {
      timers.delete(timer);
      clear(timer);
    };
    Object.defineProperty(counts, "timers", { get: () => timers.size, enumerable: true });
    // Where closures and what they hold would pile up.
    const instantiate = WebAssembly.instantiateStreaming;
    WebAssembly.instantiateStreaming = async (...args) => {
      const instantiated = await instantiate(...args);
      const { memory } = instantiated.instance.exports as { memory: WebAssembly.Memory };
      Object.defineProperty(counts, "memory", { get: () => memory.buffer.byteLength, enumerable: true });
      return instantiated;
    };
  });
  return () => page.evaluate(() => ({ ...(window as any).counts }));
}
