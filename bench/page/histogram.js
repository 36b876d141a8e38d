// Ages in bins that grow by 2 %, so that a run of any length is a short list, and a quantile is exact to 1 %.

const GROWTH = Math.log(1.02);
const SMALLEST = 0.1;

export const emptyHistogram = () => ({ bins: {}, count: 0, max: 0 });

export const binOf = (age) => (age <= SMALLEST ? 0 : Math.ceil(Math.log(age / SMALLEST) / GROWTH));

/** The middle of a bin, in the unit of what was added. */
export const middleOf = (bin) => (bin === 0 ? SMALLEST : SMALLEST * Math.exp((bin - 0.5) * GROWTH));

export function add(histogram, age) {
  const bin = binOf(age);
  histogram.bins[bin] = (histogram.bins[bin] ?? 0) + 1;
  histogram.count += 1;
  histogram.max = Math.max(histogram.max, age);
}

export function merge(histograms) {
  const all = emptyHistogram();
  for (const { bins, count, max } of histograms) {
    for (const [bin, times] of Object.entries(bins)) all.bins[bin] = (all.bins[bin] ?? 0) + times;
    all.count += count;
    all.max = Math.max(all.max, max);
  }
  return all;
}

/** The smallest age that `share` of all are not above; undefined where there is none. */
export function quantile(histogram, share) {
  if (!histogram.count) return undefined;
  const bins = Object.keys(histogram.bins).map(Number);
  let below = 0;
  for (const bin of bins.sort((a, b) => a - b)) {
    below += histogram.bins[bin];
    if (below >= share * histogram.count) return Math.min(middleOf(bin), histogram.max);
  }
  return histogram.max;
}

/** The same of a list. */
export function quantileOf(list, share) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
