import { TickwirePage, expect, test } from "./support";

test("prices come, each with its age, as a topic and in order over a channel", async ({ page }) => {
  const tickwire = new TickwirePage(page);
  await tickwire.connect();
  const live = page.getByRole("region", { name: "Live values" });
  const rows = live.getByRole("listitem");
  await expect(rows).toHaveCount(20);
  // The snapshot has all of them.
  for (const row of await rows.all()) await expect(row).toContainText(/^SYM\d\d\s*\d+\.\d\d\s*[\d.]+ m?s$/);
  const first = rows.first();
  const changes = async () => {
    const before = await first.innerText();
    await expect(first).not.toHaveText(before);
  };
  await changes();
  const half = live.getByRole("definition").first();
  await expect(half).toHaveText(/^[\d.]+ m?s$/);

  await live.getByLabel("Brought").selectOption("each, in order");
  await expect(first).toContainText(/^SYM00\s*\d+\.\d\d/);
  await changes();
  // It brings what changes, and the last has not for up to a minute.
  await expect(half).toHaveText(/^[\d.]+ m?s$/);
  await live.getByLabel("Brought").selectOption("as a topic");
  await expect(rows.last()).toContainText(/^SYM19\s*\d+\.\d\d/);

  await tickwire.stop.click();
  for (const row of await rows.all()) await expect(row).toHaveText(/^SYM\d\d\s*–\s*–$/);
});
