// Twenty keys whose values change at moments spread evenly, as fast as standard input says: `rate 20` changes each
// key 20 times a second, `rate 0` stops and is answered with the time of each key's last value. The end of input
// ends the program.
import { createInterface } from "node:readline";

const KEYS = 20;

const now = () => performance.timeOrigin + performance.now();

/** A value of a key, as JSON of about 100 bytes, and its time. */
function value(key, count) {
  const time = now();
  const price = 1000 + ((count * 37) % 9000) / 10;
  const text =
    `{"key":"k${key}","time":${time.toFixed(3)},"price":${price.toFixed(2)},"bid":${(price - 0.05).toFixed(2)},` +
    `"ask":${(price + 0.05).toFixed(2)},"volume":${100_000 + (count % 900_000)}}`;
  return { text, time: Number(time.toFixed(3)) };
}

const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

/** Says that values can come, then hands each to `put(key, text)`, until the end of input. */
export function run(put) {
  const last = Array(KEYS).fill(0);
  let count = 0;
  let every = 0;
  let next = 0;
  let timer;
  function produce() {
    for (; next <= now(); next += every) {
      const key = count % KEYS;
      const { text, time } = value(key, count);
      last[key] = time;
      put(`k${key}`, text);
      count += 1;
    }
    timer = setTimeout(produce, next - now());
  }
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    clearTimeout(timer);
    const rate = Number(line.replace(/^rate /, ""));
    if (rate > 0) {
      every = 1000 / (rate * KEYS);
      next = now();
      produce();
    } else {
      tell({ last });
    }
  });
  lines.on("close", () => process.exit(0));
  tell({ ready: true });
}
