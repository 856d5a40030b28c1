// Pictures: maps on canvases, lines in SVG. Colours of maps are the book's, in equal steps; text is the page's.
function colourAt(steps, part) {
  const place = Math.min(Math.max(part, 0), 1) * (steps.length - 1);
  const [low, share] = [Math.min(Math.floor(place), steps.length - 2), place - Math.min(Math.floor(place), steps.length - 2)];
  const channel = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  return [0, 1, 2].map((i) => Math.round(channel(steps[low], i) * (1 - share) + channel(steps[low + 1], i) * share));
}

// Black or white, whichever can be read better on a colour.
function inkOn(colour) {
  const linear = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000000" : "#ffffff";
}

// y, or k_y, is upwards; `shift` puts the first value in the middle, as spectra are shown.
function paint(canvas, values, size, colour, shift = 0) {
  canvas.width = canvas.height = size;
  const picture = new ImageData(size, size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const from = ((y + shift) % size) * size + ((x + shift) % size);
      picture.data.set([...colour(values[from]), 255], 4 * ((size - 1 - y) * size + x));
    }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function element(name, given = {}, ...inside) {
  const { text, ...attributes } = given;
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...inside);
  return made;
}

function drawn(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const MARGIN = { left: 46, right: 8, top: 10, bottom: 34 };

// Axes over k = 0 .. last and a place for every (k, value): drawn at the width that there is, so that letters keep theirs.
function axes(svg, height, last, range, ticks, label) {
  const width = Math.max(svg.parentElement.clientWidth, 200);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  const x = (k) => MARGIN.left + (k / last) * (width - MARGIN.left - MARGIN.right);
  const y = (value) => MARGIN.top + (1 - (value - range[0]) / (range[1] - range[0])) * (height - MARGIN.top - MARGIN.bottom);
  const floor = height - MARGIN.bottom;
  svg.append(drawn("path", { class: "kp-axis", d: `M${x(0)} ${MARGIN.top}V${floor}H${x(last)}` }));
  const step = last > 12 ? 6 : Math.max(1, Math.round(last / 4));
  for (let k = 0; k <= last; k += step) {
    svg.append(drawn("path", { class: "kp-axis", d: `M${x(k)} ${floor}v4` }));
    svg.append(drawn("text", { x: x(k), y: floor + 16, "text-anchor": "middle" }, k));
  }
  for (const [value, text] of ticks) {
    svg.append(drawn("path", { class: "kp-axis", d: `M${x(0)} ${y(value)}h-4` }));
    svg.append(drawn("text", { x: x(0) - 7, y: y(value) + 4, "text-anchor": "end" }, text));
  }
  svg.append(drawn("text", { x: x(last), y: height - 4, "text-anchor": "end" }, label));
  return { x, y };
}

const path = (line, { x, y }) => line.map((value, k) => `${k ? "L" : "M"}${x(k).toFixed(1)} ${y(value).toFixed(1)}`).join("");

// |F(W)| over |k|: the mean over direction, and from the least to the largest.
function drawPassed(svg, { mean, least, most }) {
  const top = Math.max(...most) || 1;
  const ticks = [0, top / 2, top].map((value) => [value, number(value)]);
  const place = axes(svg, 190, mean.length - 1, [0, top], ticks, "wavenumber |k|, waves per box");
  const back = most.map((value, k) => `L${place.x(k).toFixed(1)} ${place.y(value).toFixed(1)}`).reverse();
  svg.append(drawn("path", { class: "kp-range", d: `${path(least, place)}${back.join("")}Z` }));
  svg.append(drawn("path", { class: "kp-line", d: path(mean, place) }));
}

const DECADES = 4;

// The spectra of the field, of h and of g on one logarithmic scale; the mean k = 0 is part of it, for ReLU makes one.
function drawSpectra(svg, spectra) {
  const top = Math.ceil(Math.log10(Math.max(...Object.values(spectra).flat()) || 1) * 2) / 2;
  const range = [top - DECADES, top];
  const whole = Array.from({ length: DECADES + 1 }, (_, i) => Math.ceil(range[0]) + i).filter((one) => one <= top);
  const ticks = whole.map((one) => [one, power(one)]);
  const place = axes(svg, 250, spectra.field.length - 1, range, ticks, "wavenumber |k|, waves per box");
  for (const [name, line] of Object.entries(spectra)) {
    const logs = line.map((value) => Math.max(Math.log10(value), range[0]));
    svg.append(drawn("path", { class: `kp-line kp-${name}`, d: path(logs, place) }));
  }
}
