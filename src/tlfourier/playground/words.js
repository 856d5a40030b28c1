// What the pictures say, in words.
export const percent = (part) => (part > 0 && part < 0.005 ? "less than 1 %" : `${(100 * part).toFixed(0)} %`);

export function number(value, digits = 2) {
  const short = String(Number(value.toPrecision(digits)));
  return short.replace("-", "−");
}

// A weight among others: as many decimals as give the largest of them two digits.
export function weightText(value, largest) {
  const decimals = Math.min(Math.max(1 - Math.floor(Math.log10(largest || 1)), 0), 6);
  const short = String(Number(value.toFixed(decimals)) || 0);
  return short.replace("-", "−");
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
export const power = (exponent) => `10${String(exponent).replace("-", "⁻").replace(/\d/g, (digit) => RAISED[digit])}`;

// A tiny number as a power of ten: what matters is how tiny.
export const order = (value) => (value > 0 ? power(Math.round(Math.log10(value))) : "0");

const capital = (text) => text[0].toUpperCase() + text.slice(1);

function named({ type, others, flat }) {
  if (type === "unclassified") {
    const why = flat ? "it passes nearly all wavenumbers alike" : "its spectrum has no simple shape";
    return others.length ? `Unclassified: ${why} (a close call: almost ${others.join(" or ")}).` : `Unclassified: ${why}.`;
  }
  return `${capital(type)} (${others.length ? `a close call: almost ${others.join(" or ")}` : "clear"}).`;
}

// The wavenumber of the largest mean over direction, as the line of |F(W)| shows it.
function passed(result, { type, flat, direction }) {
  if (flat) return "";
  const line = result.shells.mean;
  const k = line.indexOf(Math.max(...line));
  const along = type === "gabor" ? `, along ${Math.round(direction) % 180}°` : "";
  if (k === 0) return ` It passes the mean and the largest scales most${along}.`;
  return k === line.length - 1 ? ` It passes the shortest waves most${along}.` : ` It passes |k| ≈ ${k} most${along}.`;
}

function rectified(result) {
  if (result.zeroed === 1) return " ReLU leaves nothing of it: the field is nowhere above zero.";
  if (result.zeroed === 0) return " ReLU changes nothing: the field is above zero everywhere.";
  if (!result.stops) {
    return ` It weakens no wavenumber to less than a tenth of its largest power, so ReLU has no gap to fill.`;
  }
  const [before, after] = [percent(result.shareBefore), percent(result.shareAfter)];
  return (
    ` Wavenumbers that it weakens to less than a tenth of its largest power hold ${before} of the variance ` +
    `after the convolution, and ${after} after ReLU.`
  );
}

export function sentence(result, type) {
  if (result.largest === 0) return "All weights are zero: nothing passes.";
  return named(type) + passed(result, type) + rectified(result);
}
