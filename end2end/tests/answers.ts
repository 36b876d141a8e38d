import type { Page } from "@playwright/test";

/**
 * Lets the page's offer through, and holds the answer back until it is released. In the page: by
 * WebDriver BiDi `page.route` does not get a request's body, and what it holds when a page closes
 * goes out after all, as an offer that nobody stands behind.
 */
export async function holdAnswer(page: Page) {
  await page.addInitScript(() => {
    const { fetch } = window;
    window.fetch = async (...request) => {
      const response = await fetch(...request);
      if (new URL(response.url).pathname === "/sdp") {
        await new Promise((release) => ((window as any).releaseAnswer = release));
      }
      return response;
    };
  });
  return {
    isHeld: () => page.waitForFunction(() => "releaseAnswer" in window),
    release: () => page.evaluate(() => (window as any).releaseAnswer()),
  };
}

/** Hands the page another description than the server answered with, as a proxy may. In the page likewise. */
export async function changeAnswer(page: Page, change: (sdp: string) => string) {
  await page.addInitScript(`{
    const { fetch } = window;
    window.fetch = async (...request) => {
      const response = await fetch(...request);
      if (new URL(response.url).pathname !== "/sdp") return response;
      const answer = await response.json();
      return new Response(JSON.stringify({ ...answer, sdp: (${change})(answer.sdp) }), response);
    };
  }`);
}
