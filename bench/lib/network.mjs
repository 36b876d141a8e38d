// The two hosts and what is between them, of which `network.py` is the process.
import { Child } from "./child.mjs";
import { here } from "./paths.mjs";

export const SERVER = "10.99.0.1";
export const READER = "10.99.0.2";

/** What is between server and reader. The first eight are of the scene of freshness. */
export const NETWORKS = {
  good: { says: "10 ms each way", flags: "--delay 10" },
  far: { says: "100 ms each way", flags: "--delay 100" },
  "loss-1": { says: "20 ms each way, 1 % lost", flags: "--delay 20 --loss 1" },
  "loss-5": { says: "20 ms each way, 5 % lost", flags: "--delay 20 --loss 5" },
  "loss-10": { says: "50 ms each way, 10 % lost", flags: "--delay 50 --loss 10" },
  bursts: { says: "20 ms each way, 3 % of the time nothing gets through, for 20 ms on average", flags: "--delay 20 --loss 3 --burst 20" },
  narrow: { says: "25 ms each way, 256 kbit/s with a queue of 20 kB", flags: "--delay 25 --rate 256 --queue 20000" },
  cut: { says: "20 ms each way, cut for 3 s in the middle", flags: "--delay 20", isCut: true },
  "udp-blocked": { says: "20 ms each way, no UDP", flags: "--delay 20 --block-udp" },
};

export class Network {
  constructor(flags, folder) {
    this.child = new Child("python3", [here("network.py"), ...flags.split(" ").filter(Boolean)], { log: `${folder}/network.log` });
  }

  static async start(flags, folder) {
    const network = new Network(flags, folder);
    const { server, reader } = await network.child.told();
    return Object.assign(network, { server, reader });
  }

  /** Says `cut` or `join`, and gives the time at which that was so. */
  async say(command) {
    this.child.say(command);
    return (await this.child.told())[command];
  }

  stop() {
    return this.child.stop();
  }
}
