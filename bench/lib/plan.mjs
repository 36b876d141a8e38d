// The runs that there are to do, all products in a network after one another, so that they meet the machine alike.
import { cost } from "./scenes/cost.mjs";
import { drain } from "./scenes/drain.mjs";
import { freshness } from "./scenes/freshness.mjs";
import { restart } from "./scenes/restart.mjs";

export function planned(products, options, folder) {
  const all = { ...options, folder };
  const of = {
    freshness: () =>
      options.networks.flatMap((network) =>
        products.map((product) => ({ scene: "freshness", network, product, start: () => freshness(product, network, all) })),
      ),
    cost: () => products.map((product) => ({ scene: "cost", product, start: () => cost(product, all) })),
    restart: () => products.map((product) => ({ scene: "restart", product, start: () => restart(product, all) })),
    // The others answer with an address of their own, past any balancer of HTTP.
    drain: () =>
      products
        .filter(({ isBalanced }) => isBalanced)
        .map((product) => ({ scene: "drain", product, start: () => drain(product, all) })),
  };
  return options.scenes.flatMap((scene) => of[scene]());
}
