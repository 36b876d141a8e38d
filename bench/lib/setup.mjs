// Builds what is compared, and the page of each. What cannot be built is left out, and told.
import { build } from "esbuild";
import { client } from "../products/tickwire.mjs";
import { here } from "./paths.mjs";

/** One script with a product's adapter, which gives the page `bench`. */
const page = (name) =>
  build({
    stdin: {
      contents: `import * as adapter from "./adapters/${name}.js";
import { measuring } from "./measure.js";
globalThis.bench = measuring(adapter);`,
      resolveDir: here("page"),
    },
    alias: { tickwire: `${client()}/index.js` },
    outfile: here(`build/page/${name}.js`),
    bundle: true,
    format: "iife",
    target: "es2022",
    logLevel: "silent",
  });

export async function setUp(products, say) {
  const ready = [];
  const failed = [];
  for (const product of products) {
    say(`Setting up ${product.name}.`);
    try {
      await product.build();
      await page(product.name);
      ready.push(product);
    } catch (error) {
      const why = error.message.split("\n")[0];
      say(`  ${product.name} is left out: ${why}`);
      failed.push({ name: product.name, why });
    }
  }
  if (!ready.length) throw new Error("no product could be set up: what each says is above");
  return { ready, failed };
}
