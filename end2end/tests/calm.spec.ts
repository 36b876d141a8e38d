import type { Page } from "@playwright/test";
import { ticks, watchChannels } from "./channels";
import { expect, test, TickwirePage } from "./support";

test.beforeEach(async ({ page }) => {
  await watchChannels(page);
  await watchPainting(page);
});

/** What the page does with the browser's frames. */
interface Painting {
  /** Frames that the page has asked for, and how many of them at most were awaited at once. */
  asked: number;
  awaited: number;
  mostAwaited: number;
  /** Frames that the browser has shown. */
  frames: number;
  /** How often the document changed; changes without a pause for others count once. */
  changes: number;
  /** Shows no frame to the page, as in a hidden tab, and shows them again. */
  hide(): void;
  show(): void;
}

async function watchPainting(page: Page) {
  await page.addInitScript(() => {
    const request = window.requestAnimationFrame.bind(window);
    const cancel = window.cancelAnimationFrame.bind(window);
    let isHidden = false;
    let withheld: (() => void)[] = [];
    const painting: Painting = ((window as any).painting = {
      asked: 0,
      awaited: 0,
      mostAwaited: 0,
      frames: 0,
      changes: 0,
      hide: () => (isHidden = true),
      show: () => {
        isHidden = false;
        withheld.forEach((frame) => frame());
        withheld = [];
      },
    });
    window.requestAnimationFrame = (callback) => {
      painting.asked++;
      painting.mostAwaited = Math.max(painting.mostAwaited, ++painting.awaited);
      const onFrame = (time: number) => {
        if (isHidden) return void withheld.push(() => request(onFrame));
        painting.awaited--;
        callback(time);
      };
      return request(onFrame);
    };
    window.cancelAnimationFrame = (handle) => {
      painting.awaited--;
      cancel(handle);
    };
    const count = () => {
      painting.frames++;
      request(count);
    };
    request(count);
    new MutationObserver(() => painting.changes++).observe(document, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
  });
}

const painting = (page: Page): Promise<Painting> =>
  page.evaluate(() => {
    const { hide, show, ...counts } = (window as any).painting as Painting;
    return counts as Painting;
  });

async function passFrames(page: Page, count: number) {
  const { frames } = await painting(page);
  await expect.poll(async () => (await painting(page)).frames).toBeGreaterThan(frames + count);
}

async function receiveTicks(page: Page, count: number) {
  const before = await ticks(page);
  await expect.poll(() => ticks(page), { timeout: 60_000 }).toBeGreaterThan(before + count);
}

test("redraws once a frame at most, however much arrives", async ({ page }) => {
  test.slow();
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await tickwire.interval.selectOption("every 10 ms");
  await receiveTicks(page, 10);
  const before = await painting(page);
  await receiveTicks(page, 300);
  const after = await painting(page);
  const changes = after.changes - before.changes;
  test.info().annotations.push({ type: "changes", description: `${changes} in ${after.frames - before.frames} frames` });
  expect(changes).toBeGreaterThan(0);
  expect(changes).toBeLessThanOrEqual(after.frames - before.frames);
  expect(after.mostAwaited).toBe(1);
});

test("asks for no frame when there is nothing to show", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await page.goto("/");
  await expect(tickwire.start).toBeEnabled();
  await passFrames(page, 5);
  expect((await painting(page)).asked).toBe(0);
  await tickwire.start.click();
  await expect(tickwire.time).toHaveText(/\d/);
  await tickwire.stop.click();
  await expect(tickwire.time).toHaveText("–");
  const { asked, awaited } = await painting(page);
  expect(awaited).toBe(0);
  await passFrames(page, 5);
  expect((await painting(page)).asked).toBe(asked);
});

test("a page that nobody sees draws nothing, and shows the present when it is seen again", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  await expect(tickwire.time).toHaveText(/\d/);
  await tickwire.interval.selectOption("every 10 ms");
  await receiveTicks(page, 10);
  await page.evaluate(() => (window as any).painting.hide());
  const time = await tickwire.time.innerText();
  const { changes, asked } = await painting(page);
  await receiveTicks(page, 200);
  expect(await tickwire.time.innerText()).toBe(time);
  const hidden = await painting(page);
  expect(hidden.changes).toBe(changes);
  expect(hidden.asked - asked).toBeLessThanOrEqual(1);
  await page.evaluate(() => (window as any).painting.show());
  await expect(tickwire.time).not.toHaveText(time);
  await tickwire.echo("seen again");
});
