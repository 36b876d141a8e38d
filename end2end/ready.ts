import { request, type FullConfig } from "@playwright/test";

// `cargo leptos end-to-end` starts the server and does not wait for it to answer.
export default async function ready(config: FullConfig) {
  const baseURL = config.projects[0].use.baseURL!;
  const context = await request.newContext();
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await context.get(`${baseURL}/health`).catch(() => undefined);
    if (answer?.ok()) break;
    if (Date.now() > deadline) throw new Error(`No server answered at ${baseURL} within 30 s.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await context.dispose();
}
