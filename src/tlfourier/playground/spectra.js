// What a kernel does to a periodic field. Arrays are flat, row after row; row 0 has the lowest y.
const TAU = 2 * Math.PI;

// The sums are small enough (48 points, 5 weights) to be added up as they are written, without a fast transform.
export function transform(values, side, size) {
  const wave = Array.from({ length: size }, (_, j) => [Math.cos((TAU * j) / size), -Math.sin((TAU * j) / size)]);
  const rows = { re: new Float64Array(side * size), im: new Float64Array(side * size) };
  for (let y = 0; y < side; y++)
    for (let kx = 0; kx < size; kx++)
      for (let x = 0; x < side; x++) {
        const [c, s] = wave[(kx * x) % size];
        rows.re[y * size + kx] += values[y * side + x] * c;
        rows.im[y * size + kx] += values[y * side + x] * s;
      }
  const re = new Float64Array(size * size);
  const im = new Float64Array(size * size);
  for (let ky = 0; ky < size; ky++)
    for (let y = 0; y < side; y++) {
      const [c, s] = wave[(ky * y) % size];
      for (let kx = 0; kx < size; kx++) {
        const [a, b] = [rows.re[y * size + kx], rows.im[y * size + kx]];
        re[ky * size + kx] += a * c - b * s;
        im[ky * size + kx] += a * s + b * c;
      }
    }
  return { re, im };
}

// |F| on size x size wavenumbers of a field or a kernel that is filled up with zeros; k = 0 comes first.
export function amplitude(values, side, size) {
  const { re, im } = transform(values, side, size);
  return re.map((a, i) => Math.hypot(a, im[i]));
}

// h(x) = sum over r of W(r) g(x + r), the kernel's centre at r = 0: what a layer of the network does.
export function convolve(field, size, kernel, side) {
  const half = (side - 1) / 2;
  const wrap = (place) => (place + size) % size;
  const made = new Float64Array(size * size);
  for (let row = 0; row < side; row++)
    for (let column = 0; column < side; column++) {
      const weight = kernel[row * side + column];
      for (let y = 0; y < size; y++) {
        const from = wrap(y + row - half) * size;
        for (let x = 0; x < size; x++) made[y * size + x] += weight * field[from + wrap(x + column - half)];
      }
    }
  return made;
}

// |k| of every mode, in waves per box, and the shell round(|k|) that it lies in.
export function radii(size) {
  const fold = (k) => (k < size / 2 ? k : k - size);
  return Float64Array.from({ length: size * size }, (_, i) => Math.hypot(fold(Math.floor(i / size)), fold(i % size)));
}

// Mean, least and largest over the modes of each whole shell, k = 0 .. N / 2; beyond lie the corners.
export function shells(values, size) {
  const count = Math.floor(size / 2) + 1;
  const found = { mean: Array(count).fill(0), least: Array(count).fill(Infinity), most: Array(count).fill(-Infinity) };
  const modes = Array(count).fill(0);
  radii(size).forEach((k, i) => {
    const shell = Math.round(k);
    if (shell >= count) return;
    modes[shell] += 1;
    found.mean[shell] += values[i];
    found.least[shell] = Math.min(found.least[shell], values[i]);
    found.most[shell] = Math.max(found.most[shell], values[i]);
  });
  found.mean = found.mean.map((sum, shell) => sum / modes[shell]);
  return found;
}

const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;

export function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((one) => (one - middle) ** 2)));
}

// Share of the variance of a field (the mode k = 0 aside) that lies at the modes of a mask; NaN without variance.
function share(spectrum, mask) {
  let [inside, all] = [0, 0];
  for (let i = 1; i < spectrum.length; i++) {
    all += spectrum[i] ** 2;
    if (mask[i]) inside += spectrum[i] ** 2;
  }
  return all > 0 ? inside / all : NaN;
}

// 1 - corr(g, h)^2: the part of the variance of g that no multiple of h gives; NaN without variance.
function moved(h, g) {
  const [a, b] = [mean(h), mean(g)];
  let [hh, gg, hg] = [0, 0, 0];
  h.forEach((one, i) => {
    hh += (one - a) ** 2;
    gg += (g[i] - b) ** 2;
    hg += (one - a) * (g[i] - b);
  });
  return hh > 0 && gg > 0 ? Math.max(0, 1 - hg ** 2 / (hh * gg)) : NaN;
}

// Everything that is shown of a kernel at work. `bias` counts standard deviations of W * field; a wavenumber is
// stopped where the power |F(W)|^2 is less than the part `weak` of its largest value.
export function analyse(field, size, kernel, side, bias, weak) {
  const plain = convolve(field, size, kernel, side);
  const unit = deviation(plain);
  const offset = bias * unit;
  const before = plain.map((one) => one + offset);
  const after = before.map((one) => Math.max(one, 0));
  const passes = amplitude(kernel, side, size);
  const largest = passes.reduce((most, one) => Math.max(most, one), 0);
  const stopped = Array.from(passes, (one) => one ** 2 < weak * largest ** 2);
  const [entering, leaving, cut] = [field, before, after].map((one) => amplitude(one, size, size));
  const product = entering.map((one, i) => one * passes[i]);
  const made = amplitude(plain, size, size);
  const top = made.reduce((most, one) => Math.max(most, one), 0);
  const line = (spectrum) => shells(spectrum, size).mean.map((one) => one / size ** 2);
  return {
    before,
    after,
    offset,
    passes,
    largest,
    shells: shells(passes, size),
    spectra: { field: line(entering), before: line(leaving), after: line(cut) },
    stops: stopped.some((one) => one),
    shareBefore: share(leaving, stopped),
    shareAfter: share(cut, stopped),
    moved: moved(before, after),
    zeroed: mean(before.map((one) => (one <= 0 ? 1 : 0))),
    residual: top > 0 ? made.reduce((worst, one, i) => Math.max(worst, Math.abs(one - product[i])), 0) / top : 0,
  };
}
