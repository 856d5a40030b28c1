// The rule of tlfourier.fourier.filter_types, step by step; thresholds and bands come from there as `rule`.
const ratio = (over, under) => (under > 0 ? over / under : 0);

// |F(W)|^2 / sum on (2 k - 1)^2 wavenumbers with k = 0 in the middle.
export function normalisedPower(kernel, side) {
  const scale = Math.max(...kernel.map(Math.abs)) || 1;
  const size = 2 * side - 1;
  const raw = amplitude(kernel.map((one) => one / scale), side, size).map((one) => one ** 2);
  const total = raw.reduce((sum, one) => sum + one, 0) || 1;
  const place = (i) => (i + side) % size; // as fftshift: the middle is at side - 1
  return Float64Array.from(raw, (_, i) => raw[place(Math.floor(i / size)) * size + place(i % size)] / total);
}

// Share of the variance that remains when every group of modes has its mean.
function explained(deviations, groups) {
  const sums = new Map();
  const variance = deviations.reduce((sum, one) => sum + one ** 2, 0);
  deviations.forEach((one, i) => {
    const [sum, members] = sums.get(groups[i]) ?? [0, 0];
    sums.set(groups[i], [sum + one, members + 1]);
  });
  let kept = 0;
  sums.forEach(([sum, members]) => (kept += sum ** 2 / members));
  return ratio(kept, variance);
}

export function features(power, side, rule) {
  const size = 2 * side - 1;
  const half = side - 1;
  const spacing = (2 * Math.PI) / size;
  const modes = Array.from(power, (_, i) => [Math.floor(i / size) - half, (i % size) - half]);
  const remainder = (number) => ((number % size) + size) % size;
  const total = power.reduce((sum, one) => sum + one, 0);
  const deviations = power.map((one) => one - total / power.length);
  const by = (name) => explained(deviations, modes.map(([y, x]) => name(y, x)));
  const lines = [(y) => y, (y, x) => x, (y, x) => remainder(y + x), (y, x) => remainder(y - x)];
  const oneDimensional = Math.max(...lines.map(by));
  const orbit = (y, x) => Math.min(Math.abs(y), Math.abs(x)) + size * Math.max(Math.abs(y), Math.abs(x));
  // adjusted R^2: many orbits explain much of anything, so chance is taken off
  const [values, orbits] = [(size ** 2 + 1) / 2, ((half + 1) * (half + 2)) / 2];
  const adjust = Math.max(values - 1, 1) / Math.max(values - orbits, 1);
  const symmetric = 1 - (1 - by(orbit)) * adjust;
  const peak = power.indexOf(Math.max(...power));
  const apart = (one, other) => remainder(one - other + half) - half;
  const distance = (mode, sign) => Math.hypot(...[0, 1].map((i) => apart(mode[i], sign * modes[peak][i]))) * spacing;
  const sum = { lobes: 0, moving: 0, cos: 0, sin: 0, middle: 0, middles: 0, high: 0, highs: 0 };
  power.forEach((one, i) => {
    const [y, x] = modes[i];
    const radius = Math.hypot(y, x) * spacing;
    if (Math.min(distance(modes[i], 1), distance(modes[i], -1)) <= rule.lobe_radius) sum.lobes += one;
    if (radius > 0) {
      sum.moving += one;
      sum.cos += one * Math.cos(2 * Math.atan2(y, x));
      sum.sin += one * Math.sin(2 * Math.atan2(y, x));
    }
    if (radius > rule.middle_band[0] && radius <= rule.middle_band[1]) [sum.middle, sum.middles] = [sum.middle + one, sum.middles + 1];
    if (radius > rule.high_edge) [sum.high, sum.highs] = [sum.high + one, sum.highs + 1];
  });
  const middle = power[half * size + half];
  return {
    contrast: ratio(Math.sqrt(deviations.reduce((all, one) => all + one ** 2, 0) * power.length), total),
    structure: Math.max(symmetric, ratio(sum.lobes, total), oneDimensional),
    rise: middle > 0 ? Math.max(...power) / middle : Infinity,
    anisotropy: ratio(Math.hypot(sum.cos, sum.sin), sum.moving),
    one_dimensional: oneDimensional,
    high_ratio: ratio(sum.high / Math.max(sum.highs, 1), sum.middle / Math.max(sum.middles, 1)),
    // of the waves that pass, in degrees from the x axis to the y axis, 0 to 180
    direction: (((Math.atan2(sum.sin, sum.cos) * 90) / Math.PI) + 180) % 180,
  };
}

export function decide(measured, rule) {
  if (measured.contrast < rule.contrast || measured.structure < rule.structure) return "unclassified";
  if (measured.rise <= rule.rise) return "low-pass";
  if (measured.anisotropy >= rule.anisotropy || measured.one_dimensional >= rule.one_dimensional) return "gabor";
  return measured.high_ratio >= rule.high_ratio ? "high-pass" : "band-pass";
}

const THRESHOLDS = ["contrast", "structure", "rise", "anisotropy", "one_dimensional", "high_ratio"];

// The type, and the others that it would be if one threshold were lower or higher by the share `rule.shift`.
export function classify(kernel, side, rule) {
  const measured = features(normalisedPower(kernel, side), side, rule);
  const type = decide(measured, rule);
  const moved = THRESHOLDS.flatMap((name) =>
    [1 - rule.shift, 1 + rule.shift].map((factor) => decide(measured, { ...rule, [name]: rule[name] * factor })),
  );
  const others = [...new Set(moved)].filter((other) => other !== type).sort();
  return { type, others, flat: measured.contrast < rule.contrast, direction: measured.direction };
}
