"use strict";
// The rules of jitscope/verdicts.py for two commits that the reader chooses. A test holds the two
// to the same answers.
const jitscopeVerdicts = (() => {
  const EXACT_UP_TO = 8;

  // Twice the rank of each value among all, so that ties stay whole numbers.
  const doubledRanks = (values) => {
    const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
    const ranks = new Array(values.length);
    for (let start = 0; start < order.length; ) {
      let end = start;
      while (end + 1 < order.length && values[order[end + 1]] === values[order[start]]) end += 1;
      for (let k = start; k <= end; k += 1) ranks[order[k]] = start + end + 2;
      start = end + 1;
    }
    return ranks;
  };

  // The share of all ways to deal the samples whose rank sum is as far from the middle.
  const exact = (ranks, size) => {
    const total = ranks.reduce((a, b) => a + b, 0);
    const ways = Array.from({ length: size + 1 }, () => new Float64Array(total + 1));
    ways[0][0] = 1;
    for (const rank of ranks) {
      for (let taken = size; taken > 0; taken -= 1) {
        for (let sum = total; sum >= rank; sum -= 1) ways[taken][sum] += ways[taken - 1][sum - rank];
      }
    }
    const seen = ranks.slice(0, size).reduce((a, b) => a + b, 0);
    const middle = (size * total) / ranks.length;
    let extreme = 0;
    let all = 0;
    ways[size].forEach((count, sum) => {
      all += count;
      if (Math.abs(sum - middle) >= Math.abs(seen - middle) - 1e-9) extreme += count;
    });
    return extreme / all;
  };

  // Complementary error function by a series near 0 and a continued fraction beyond (Abramowitz
  // and Stegun 7.1.5 and 7.1.14), good to 12 digits.
  const erfc = (x) => {
    if (x < 2.5) {
      let term = x;
      let sum = x;
      for (let k = 1; k < 200; k += 1) {
        term *= (-x * x) / k;
        sum += term / (2 * k + 1);
      }
      return 1 - (2 / Math.sqrt(Math.PI)) * sum;
    }
    let fraction = x;
    for (let k = 120; k > 0; k -= 1) fraction = x + k / 2 / fraction;
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  };

  // The normal approximation, with corrections for ties and for continuity.
  const asymptotic = (ranks, n1, n2) => {
    const n = n1 + n2;
    const sum = ranks.slice(0, n1).reduce((a, b) => a + b, 0) / 2;
    const u1 = sum - (n1 * (n1 + 1)) / 2;
    const u = Math.max(u1, n1 * n2 - u1);
    const ties = new Map();
    for (const rank of ranks) ties.set(rank, (ties.get(rank) ?? 0) + 1);
    const tied = [...ties.values()].reduce((a, t) => a + (t ** 3 - t), 0);
    const deviation = Math.sqrt(((n1 * n2) / 12) * (n + 1 - tied / (n * (n - 1))));
    const z = (u - (n1 * n2) / 2 - 0.5) / deviation;
    return Math.min(1, Math.max(0, z < 0 ? 2 - erfc(-z / Math.SQRT2) : erfc(z / Math.SQRT2)));
  };

  const pValue = (base, head) => {
    const both = [...base, ...head];
    if (both.every((value) => value === both[0])) return 1;
    const ranks = doubledRanks(both);
    const [few, many] = [Math.min(base.length, head.length), Math.max(base.length, head.length)];
    const tied = new Set(ranks).size < ranks.length;
    // Of the two sides the smaller one has fewer ways to be dealt; the test is the same.
    const smallerFirst = base.length <= head.length ? ranks : [...ranks.slice(base.length), ...ranks.slice(0, base.length)];
    return (tied ? many : few) <= EXACT_UP_TO ? exact(smallerFirst, few) : asymptotic(ranks, base.length, head.length);
  };

  const SHOWN = { jax: "JAX", jaxlib: "jaxlib", numpy: "NumPy", python: "Python" };

  const differing = (was, now) =>
    Object.entries(SHOWN)
      .filter(([name]) => was[name] !== now[name])
      .map(([name, shown]) => `${shown} (${was[name] ?? "none"}, then ${now[name] ?? "none"})`)
      .join(", ");

  const refused = (base, head, versions) => {
    if (head === "failed" || head === "broken") return ["errored", `The commit gave no value: it is ${head}.`];
    if (typeof head === "string") return ["insufficient", `At the commit this ${head === "missing" ? "was not measured" : "does not apply"}.`];
    if (typeof base === "string") return ["missing base", `The base ${{ missing: "was not measured", skipped: "does not apply to it" }[base] ?? `is ${base}`}.`];
    const other = differing(...versions);
    return other ? ["not comparable", `Measured with another ${other}.`] : null;
  };

  // A point is a status, or [median, lo, hi, samples, session]; rules are {alpha, least}.
  const judge = (base, head, series, versions, rules) => {
    const known = typeof base !== "string" && typeof head !== "string";
    const ratio = known && base[0] !== 0 ? head[0] / base[0] : null;
    const apart = known && typeof base[4] === "number" && typeof head[4] === "number" && base[4] !== head[4];
    const threshold = apart && typeof series.between === "number" ? series.between : series.threshold;
    const when = apart ? " from session to session" : "";
    const found = {
      apart, threshold, ratio, difference: known ? head[0] - base[0] : null, p: null, significant: null,
      magnitude: ratio !== null && ratio > 0 ? Math.max(ratio, 1 / ratio) - 1 : null,
    };
    const refusal = refused(base, head, versions);
    if (refusal) return { ...found, verdict: refusal[0], reason: refusal[1] };
    const direction = found.difference < 0 ? "improved" : "regressed";
    if (series.counter) {
      if (found.difference === 0) return { ...found, verdict: "unchanged", reason: "The counts are equal." };
      if (Math.abs(found.difference) <= series.absolute) return { ...found, verdict: "unchanged", reason: `They differ by no more than rounding may bring, ${series.absolute}.` };
      return { ...found, significant: true, verdict: direction, reason: "Counts are exact." };
    }
    const counts = [base[3].length, head[3].length];
    if (Math.min(...counts) < rules.least) {
      return { ...found, verdict: "insufficient", reason: `The base has ${counts[0]} samples and the commit ${counts[1]}: ${rules.least} of each are needed.` };
    }
    const p = pValue(base[3], head[3]);
    const tested = { ...found, p, significant: p < rules.alpha };
    if (!tested.significant) return { ...tested, verdict: "unchanged", reason: `No difference was shown: p = ${p.toPrecision(2)}.` };
    if (found.magnitude !== null && found.magnitude <= threshold) {
      return { ...tested, verdict: "unchanged", reason: `The difference is significant (p = ${p.toPrecision(2)}), but not more than this series varies by itself${when}, ${(100 * threshold).toFixed(1)}%.` };
    }
    return { ...tested, verdict: direction, reason: `More than it varies${when}, ${(100 * threshold).toFixed(1)}%; p = ${p.toPrecision(2)}.` };
  };

  return { pValue, judge };
})();
