// The layer chooser: all that a reader sees of it, drawn from what the study keeps, with a kernel or without.
const STALE =
  "Not connected to a running kernel, so nothing can be re-trained: in JupyterLab, run the cells of this notebook again.";
const PUBLISHED = "In JupyterLab a button re-trains any set.";
const MEAN = -1;
const BESIDE = ["none", "all", "scratch_few"];
const MARKS = { none: "base", all: "all", scratch_few: "scratch" };
const NAMES = { none: "untouched", all: "all layers", scratch_few: "a new network on the few samples" };

// ---- elements

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null));
  return node;
}
const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function labelled(text, options, choose) {
  const select = h("select", { "aria-label": text });
  select.addEventListener("change", () => choose(select.value));
  const offer = (list, value) => {
    select.replaceChildren(
      ...list.map(([name, label, off]) => h("option", { value: name, disabled: off ? "" : null }, label)),
    );
    select.value = value;
  };
  offer(options, options[0]?.[0]);
  return { node: h("label", {}, h("span", {}, text), select), offer };
}

const heading = (text) => h("div", { class: "tl-title", role: "heading", "aria-level": 3 }, text);

// ---- numbers

const known = (values) => values.filter((value) => value !== null && value !== undefined);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const written = (value) => (value === null || value === undefined ? "–" : value.toFixed(3).replace("-", "−"));
const plain = (value) => String(Number(value.toPrecision(3)));

/** Read what `atlas.coded` wrote: a step, and whole numbers of one byte in base64. */
function decoded([step, text]) {
  return Float32Array.from(atob(text), (letter) => step * ((letter.charCodeAt(0) << 24) >> 24));
}

/** Place numbers from 0 to 100 on an axis, logarithmic over more than a factor of four, with its ticks. */
function axis(values) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const log = low > 0 && high > 4 * low;
  const [map, back] = log ? [Math.log, Math.exp] : [(value) => value, (value) => value];
  const room = 0.05 * (map(high) - map(low)) || 0.05;
  const [start, end] = [map(low) - room, map(high) + room];
  const place = (value) =>
    log && value <= 0 ? -1 : (100 * (map(value) - start)) / (end - start);
  [low, high] = [back(start), back(end)];
  let ticks = [];
  if (log) {
    for (let power = -6; power < 6; power++) for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  } else {
    const rough = (high - low) / 4;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * [1, 2, 5, 10].find((digit) => digit * unit >= rough);
    for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step);
  }
  ticks = ticks.filter((tick) => place(tick) > 3 && place(tick) < 97);
  return { place, ticks, log };
}

// ---- pictures

/** Paint a square of numbers, one pixel each; `shade` gives red, green and blue. */
function painted(values, size, shade, label) {
  const canvas = h("canvas", { width: size, height: size, role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  values.forEach((value, i) => {
    image.data.set([...shade(value), 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Turn a field upside down: the first row of numbers lies at the bottom, that of pixels at the top. */
const upright = (values, size) =>
  values.map((_, i) => values[(size - 1 - Math.floor(i / size)) * size + (i % size)]);

const signed = (colours, limit) => (value) => {
  const place = Math.round(127.5 * (1 + Math.max(-1, Math.min(1, value / limit))));
  return colours.slice(3 * place, 3 * place + 3);
};

/** Return |F(W)| of a kernel on a square of wavenumbers from -π to π, k = 0 in the middle. */
function amplitude(kernel, size, points = 25) {
  const k = Array.from({ length: points }, (_, i) => (Math.PI * (2 * i - points + 1)) / (points - 1));
  const found = new Float32Array(points * points);
  for (let a = 0; a < points; a++) {
    for (let b = 0; b < points; b++) {
      let [real, imaginary] = [0, 0];
      kernel.forEach((weight, i) => {
        const phase = k[a] * Math.floor(i / size) + k[b] * (i % size);
        real += weight * Math.cos(phase);
        imaginary += weight * Math.sin(phase);
      });
      found[a * points + b] = Math.hypot(real, imaginary);
    }
  }
  return { values: found, points };
}

const positive = (colours, most) => (value) => {
  const place = Math.round((255 * value) / most);
  return colours.slice(3 * place, 3 * place + 3);
};

function spectra(k, lines) {
  const [left, right, top, bottom, wide, high] = [44, 8, 8, 34, 340, 220];
  const values = lines.flatMap((line) => known(line.values)).filter((value) => value > 0);
  const decades = [Math.min(...values), Math.max(...values)].map(Math.log10);
  const room = 0.05 * (decades[1] - decades[0]);
  const x = (one) => left + ((wide - left - right) * Math.log(one / k[0])) / Math.log(k.at(-1) / k[0]);
  const y = (one) =>
    top + ((high - top - bottom) * (decades[1] + room - Math.log10(one))) / (decades[1] - decades[0] + 2 * room);
  const path = (line) =>
    k.map((one, i) => `${i ? "L" : "M"}${x(one).toFixed(1)} ${y(line.values[i]).toFixed(1)}`).join("");
  const across = [1, 2, 5, 10, 20, 50, 100].filter((one) => one >= k[0] && one <= k.at(-1));
  let up = [];
  for (let power = -12; power < 6; power++) for (const digit of [1, 2, 5]) up.push([digit, power]);
  const inside = ([digit, power]) =>
    Math.log10(digit) + power >= decades[0] - room && Math.log10(digit) + power <= decades[1] + room;
  up = up.filter(inside);
  if (up.length > 7) up = up.filter(([digit]) => digit === 1);
  const sign = (digit, power) => (power < -3 || power > 3 ? `${digit}e${power}` : plain(digit * 10 ** power));
  return s(
    "svg",
    { viewBox: `0 0 ${wide} ${high}`, role: "img", class: "tl-spectra", "aria-label":
        `spectra of Π: ${lines.map((line) => line.label).join(", ")}` },
    s("path", { class: "tl-frame", d: `M${left} ${top}V${high - bottom}H${wide - right}` }),
    across.map((one) => [
      s("path", { class: "tl-frame", d: `M${x(one)} ${high - bottom}v4` }),
      s("text", { x: x(one), y: high - bottom + 16, "text-anchor": "middle" }, String(one)),
    ]),
    up.map(([digit, power]) => [
      s("path", { class: "tl-frame", d: `M${left} ${y(digit * 10 ** power)}h-4` }),
      s("text", { x: left - 7, y: y(digit * 10 ** power) + 4, "text-anchor": "end" }, sign(digit, power)),
    ]),
    s("text", { x: (left + wide - right) / 2, y: high - 4, "text-anchor": "middle" }, "wavenumber k"),
    lines.map((line) => s("path", { class: `tl-line tl-${line.role}`, d: path(line) })),
  );
}

const swatch = (kind, role) =>
  s(
    "svg",
    { width: 22, height: 12, class: "tl-swatch", "aria-hidden": "true" },
    {
      line: () => s("path", { class: `tl-line tl-${role}`, d: "M0 6H22" }),
      mark: () => s("path", { class: `tl-mark tl-${role}`, d: "M11 0V12" }),
      mean: () => s("circle", { class: "tl-mean", cx: 11, cy: 6, r: 4.5 }),
      interval: () => s("path", { class: "tl-interval", d: "M0 6H22" }),
      replicate: () => s("circle", { class: "tl-replicate", cx: 11, cy: 6, r: 2.5 }),
    }[kind](),
  );
const legend = (entries) =>
  h("div", { class: "tl-legend" }, ...entries.map(([kind, role, text]) => h("span", {}, swatch(kind, role), text)));

// ---- the panel

function render({ model, el }) {
  const atlas = model.get("atlas");
  const words = model.get("words");
  const [colours, shades] = words.colours.map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  const rungs = new Map(words.rungs.map(([name, label, phrase]) => [name, { label, phrase }]));
  const numbers = Array.from({ length: atlas.layers }, (_, i) => i + 1);
  const published = document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]') !== null;
  let now = {};

  const look = () => {
    for (const name of ["case", "scaling", "score", "replicate", "model"]) now[name] = model.get(name);
    now.about = atlas.cases[now.case];
    now.flow = atlas.flows[now.about.target];
  };

  /** Choose, and leave nothing chosen that there is not. */
  const pick = (changes) => {
    const next = { ...now, ...changes };
    if (next.replicate >= atlas.cases[next.case].seeds) changes.replicate = MEAN;
    if (next.scaling === "dimensional" && next.model === "dimensional") changes.model = "none";
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  };

  // what is known of a model

  const key = (name) => `${now.case}|${now.scaling}|${name}`;
  const own = (name) => model.get("own")[key(name)];
  const row = (name) => (own(name)?.scores ?? now.about.scores[now.scaling]?.[name])?.[now.score];
  const value = (line) => (now.replicate === MEAN ? line?.[0] : line?.[3 + now.replicate]) ?? null;
  const kept = (name) => {
    if (own(name)) return own(name).kept;
    if (now.flow?.kept[name]) return now.flow.kept[name];
    if (now.scaling === "own") return now.about.kept[name];
    return name === "none" ? now.about.kept.dimensional : undefined;
  };
  const layers = (name) =>
    name === "all" ? numbers : /^\d+(\+\d+)*$/.test(name) ? name.split("+").map(Number) : [];
  const title = (name) => {
    if (rungs.has(name)) return rungs.get(name).label;
    if (layers(name).length === 1) return `layer ${name}`;
    return `layers ${layers(name).join(" + ")}`;
  };
  const phrase = (name) => {
    if (rungs.has(name)) return rungs.get(name).phrase;
    const text = `${title(name)} re-trained`;
    return text[0].toUpperCase() + text.slice(1);
  };

  // what is said

  const replicates = (count) => (count === 1 ? "one replicate" : `mean of ${count} replicates`);
  const unknown = () => {
    if (!layers(now.model).length) {
      return `${phrase(now.model)}: this rung was not climbed in ${now.case}, ${words.scalings[now.scaling]}.`;
    }
    const there = `Nobody has re-trained ${title(now.model)} in ${now.case}, ${words.scalings[now.scaling]}.`;
    const offer = model.get("offer");
    if (published) return `${there} In JupyterLab a button does it.`;
    return offer.key === key(now.model) ? `${there} ${offer.text}` : there;
  };
  const sentence = () => {
    const line = row(now.model);
    if (!line) return unknown();
    const { label, better } = words.scores[now.score];
    if (value(line) === null) return `${phrase(now.model)}: replicate ${now.replicate} was not trained.`;
    const seeds = line.slice(3).map((_, i) => i).filter((i) => line[3 + i] !== null);
    const asked = now.replicate === MEAN ? seeds : [now.replicate];
    const where =
      now.replicate !== MEAN
        ? `replicate ${now.replicate}`
        : line[1] === null
          ? replicates(seeds.length)
          : `95 % interval ${written(line[1])} to ${written(line[2])}, ${replicates(seeds.length)}`;
    const others = BESIDE.filter((name) => name !== now.model && row(name)).map((name) => {
      const same = asked.map((i) => row(name)[3 + i]);
      return `${NAMES[name]} ${written(known(same).length === same.length ? mean(same) : null)}`;
    });
    const same = seeds.length < now.about.seeds && now.replicate === MEAN ? " on the same replicates" : "";
    return (
      `${phrase(now.model)}: ${label} ${written(value(line))} (${where}). ` +
      `Beside it${same}: ${others.join(", ")}; ${better} is better.`
    );
  };

  // controls

  const named = (names) => Object.entries(names);
  const unitNames = named(words.units);
  const caseList = labelled("case", Object.keys(atlas.cases).map((name) => [name, name]), (name) => pick({ case: name }));
  const scalingList = labelled("units", unitNames, (name) => pick({ scaling: name }));
  const scoreNames = named(words.scores).map(([name, { label }]) => [name, label]);
  const scoreList = labelled("score", scoreNames, (name) => pick({ score: name }));
  const replicateList = labelled("replicate", [], (name) => pick({ replicate: Number(name) }));
  const modelList = labelled("repair", [], (name) => pick({ model: name }));
  const toggles = numbers.map((layer) => {
    const button = h("button", { type: "button", class: "tl-toggle", "aria-label": `layer ${layer}` }, String(layer));
    button.addEventListener("click", () => {
      const before = layers(now.model);
      const others = before.filter((one) => one !== layer);
      const next = others.length < before.length ? others : [...before, layer].sort((a, b) => a - b);
      pick({ model: next.length === numbers.length ? "all" : next.join("+") || "none" });
    });
    return button;
  });
  const group = h("div", { role: "group", "aria-label": "layers to re-train", class: "tl-layers" },
    h("span", { "aria-hidden": "true" }, "layers to re-train"), ...toggles);
  const status = h("p", { role: "status", class: "tl-sentence" });
  const start = h("button", { type: "button", class: "tl-do" }, "re-train now");
  const stop = h("button", { type: "button", class: "tl-do" }, "stop");
  start.addEventListener("click", () => model.send({ do: "start" }));
  stop.addEventListener("click", () => model.send({ do: "stop" }));
  const ending = h("p", { role: "status" });
  const progress = h("pre");
  // widgets.css shows it as soon as the widget manager marks the box around this element as disconnected
  const stale = h("p", { role: "status", class: "tl-stale" }, STALE);
  const note = h("p");
  const doing = published
    ? null
    : h("div", { class: "tl-doing" }, h("div", {}, start, stop), ending, progress, stale);

  // the ladder

  const rows = () => {
    const list = words.rungs.flatMap(([name]) => (name === "layer" ? numbers.map(String) : [name]));
    const shown = list.filter((name) => row(name) && !(now.scaling === "dimensional" && name === "dimensional"));
    if (!shown.includes(now.model) && row(now.model)) {
      shown.splice(shown.indexOf(String(atlas.layers)) + 1, 0, now.model);
    }
    return shown;
  };
  const ladder = h("div", { class: "tl-ladder", role: "group", "aria-label": "ladder of repairs" });
  ladder.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const shown = rows();
    const place = Math.max(0, Math.min(shown.length - 1, shown.indexOf(event.target.dataset.model) + step));
    pick({ model: shown[place] });
    ladder.querySelector(`[data-model="${shown[place]}"]`)?.focus();
  });
  const strip = (line, scale, marks) => {
    const at = (one) => `${Math.max(0, Math.min(100, scale.place(one)))}%`;
    const around = now.replicate === MEAN && line[1] !== null;
    const beyond = (one) => scale.place(one) < 0 || scale.place(one) > 100;
    return s(
      "svg",
      { class: "tl-strip", "aria-hidden": "true" },
      marks.map(([role, one]) => s("line", { class: `tl-mark tl-${role}`, x1: at(one), x2: at(one), y1: 0, y2: "100%" })),
      known(line.slice(3)).map((one) => s("circle", { class: "tl-replicate", cx: at(one), cy: "50%", r: 2.5 })),
      around ? s("line", { class: "tl-interval", x1: at(line[1]), x2: at(line[2]), y1: "50%", y2: "50%" }) : null,
      around ? [line[1], line[2]].filter((one) => !beyond(one)).map((one) =>
        s("line", { class: "tl-interval", x1: at(one), x2: at(one), y1: "30%", y2: "70%" })) : null,
      value(line) === null ? null : s("circle", { class: "tl-mean", cx: at(value(line)), cy: "50%", r: 4.5 }),
    );
  };
  const drawLadder = () => {
    const shown = rows();
    const lines = shown.map(row);
    if (!shown.length) return ladder.replaceChildren(h("p", {}, "Of this case and these units there are no scores here."));
    const scale = axis(lines.flatMap((line) => known([line[0], ...line.slice(3)])));
    const marks = BESIDE.filter(row).map((name) => [MARKS[name], value(row(name))]).filter(([, one]) => one !== null);
    const focused = ladder.contains(document.activeElement) && document.activeElement.dataset.model;
    const reached = shown.includes(now.model) ? now.model : shown[0];
    const buttons = shown.map((name, i) => {
      const [text, number] = [title(name), written(value(lines[i]))];
      const button = h(
        "button",
        { type: "button", class: "tl-row", "data-model": name, "aria-pressed": String(name === now.model),
          "aria-label": `${text}: ${number}`, tabindex: name === reached ? 0 : -1 },
        h("span", { class: "tl-name" }, text),
        strip(lines[i], scale, marks),
        h("span", { class: "tl-number" }, number),
      );
      button.addEventListener("click", () => pick({ model: name }));
      return button;
    });
    const { label, better } = words.scores[now.score];
    const ticks = scale.ticks.map((tick) =>
      s("text", { x: `${scale.place(tick)}%`, y: 13, "text-anchor": "middle" }, plain(tick)));
    ladder.replaceChildren(
      heading(`${label}, ${better} is better`),
      ...buttons,
      h("div", { class: "tl-axis" }, h("span"), s("svg", { "aria-hidden": "true" }, ticks), h("span")),
      legend([
        ["mean", "", now.replicate === MEAN ? "mean" : `replicate ${now.replicate}`],
        ...(now.replicate === MEAN ? [["interval", "", "95 % interval"]] : []),
        ["replicate", "", "replicates"],
        ...BESIDE.filter(row).map((name) => ["mark", MARKS[name], title(name)]),
      ]),
    );
    if (focused) ladder.querySelector(`[data-model="${reached}"]`)?.focus();
  };

  // fields, spectra, kernels

  const fields = h("div", { class: "tl-fields" });
  const kernels = h("div", { class: "tl-kernels" });
  const missing = () => {
    const cases = Object.keys(atlas.cases).filter((name) => Object.keys(atlas.cases[name].kept).length > 2);
    const there = `Of ${title(now.model)} no network is kept here, so there is no picture`;
    if (!cases.length) return `${there}.`;
    const where = cases.length > 1 ? `${cases.slice(0, -1).join(", ")} and ${cases.at(-1)}` : cases[0];
    return (
      `${there}; kept are networks of replicate 0 in each flow's own units, in ${where}: untouched, gains, ` +
      `single layers, all layers, and from scratch on all samples.`
    );
  };
  const framed = (values, label, text) => {
    const shade = signed(colours, now.flow.limit);
    const canvas = painted(upright(values, now.flow.size), now.flow.size, shade, label);
    return h("div", { class: "tl-figure" }, canvas, h("div", { class: "tl-caption" }, text));
  };
  const drawFields = () => {
    const [base, found] = [kept("none"), kept(now.model)];
    const parts = [];
    if (now.flow && base) {
      const truth = decoded(now.flow.field);
      const shown = found?.field ? found : base;
      const name = found?.field ? title(now.model) : title("none");
      const field = decoded(shown.field);
      const off = field.map((one, i) => one - truth[i]);
      const changed = found?.field && now.model !== "none";
      parts.push(
        heading("Π on one snapshot, replicate 0"),
        h(
          "div",
          { class: "tl-pictures" },
          framed(truth, "Π, truth", "truth"),
          framed(decoded(base.field), "Π, base network", `base, error ${base.error.toFixed(2)}`),
          changed ? framed(field, `Π, ${name}`, `${name}, error ${shown.error.toFixed(2)}`) : null,
          framed(off, `error of ${name}`, `${name} − truth`),
        ),
        bar(),
        heading("Spectra of Π, test block"),
        spectra(now.flow.k, [
          { label: "truth", role: "truth", values: now.flow.spectrum },
          { label: "base network", role: "base", values: base.spectrum },
          ...(changed ? [{ label: name, role: "transferred", values: shown.spectrum }] : []),
        ]),
        legend([
          ["line", "truth", "truth"],
          ["line", "base", "base network"],
          ...(changed ? [["line", "transferred", name]] : []),
        ]),
      );
    }
    if (!found?.field) parts.push(h("p", { class: "tl-note" }, missing()));
    fields.replaceChildren(...parts);
  };
  const bar = () => {
    const most = plain(now.flow.limit);
    const values = Float32Array.from({ length: 256 }, (_, i) => i / 127.5 - 1);
    const canvas = h("canvas", { width: 256, height: 1, "aria-hidden": "true" });
    const context = canvas.getContext("2d");
    const image = context.createImageData(256, 1);
    values.forEach((one, i) => image.data.set([...signed(colours, 1)(one), 255], 4 * i));
    context.putImageData(image, 0, 0);
    return h("div", { class: "tl-bar" }, h("span", {}, `−${most}`), canvas, h("span", {}, most));
  };
  const tiles = (weights, size, most, label, type) => {
    const { values, points } = amplitude(weights, size);
    return [
      h("span", {}, h("b", {}, label), h("br"), type),
      painted(upright(weights, size), size, signed(colours, most), `kernel ${label}`),
      painted(upright(values, points), points, positive(shades, Math.max(...values) || 1), `its spectrum ${label}`),
    ];
  };
  const drawKernels = () => {
    const found = kept(now.model)?.kernels;
    if (!found) return kernels.replaceChildren();
    const cards = found.map((one) => {
      const weights = decoded(one.weights);
      const most = Math.max(...weights.map(Math.abs));
      const half = weights.length / 2;
      return h(
        "div",
        { class: "tl-figure" },
        h("div", { class: "tl-caption" }, `layer ${one.layer}, channel ${one.from} → ${one.to}`),
        h(
          "div",
          { class: "tl-tiles" },
          ...tiles(weights.slice(0, half), one.size, most, "before", one.types[0]),
          ...tiles(weights.slice(half), one.size, most, "after", one.types[1]),
        ),
      );
    });
    return kernels.replaceChildren(
      heading("Kernels that changed most, and their spectra |F(W)|, k = 0 in the middle"),
      h("div", { class: "tl-cards" }, ...cards),
    );
  };

  // all of it

  const offerModels = () => {
    const set = layers(now.model).length && now.model !== "all";
    const off = (name) => !row(name) || (now.scaling === "dimensional" && name === "dimensional");
    const list = words.rungs.flatMap(([name, label]) =>
      name !== "layer"
        ? [[name, label, off(name) && name !== now.model]]
        : [...(set && layers(now.model).length > 1 ? [[now.model, title(now.model)]] : []),
           ...numbers.map((layer) => [String(layer), `layer ${layer}`])]);
    modelList.offer(list, now.model);
  };
  const draw = () => {
    look();
    caseList.offer(Object.keys(atlas.cases).map((name) => [name, name]), now.case);
    scalingList.offer(unitNames, now.scaling);
    scoreList.offer(scoreNames, now.score);
    const seeds = Array.from({ length: now.about.seeds }, (_, i) => [String(i), `replicate ${i}`]);
    replicateList.offer([[String(MEAN), "mean of all"], ...seeds], String(now.replicate));
    offerModels();
    toggles.forEach((button, i) =>
      button.setAttribute("aria-pressed", String(layers(now.model).includes(i + 1))));
    drawLadder();
    drawFields();
    drawKernels();
    say();
  };
  const say = () => {
    if (status.textContent !== sentence()) status.textContent = sentence();
    note.textContent = `In ${now.case} a network that has learned the flow “${now.about.base}” is given “${now.about.target}”, in ${words.scalings[now.scaling]}.`;
    if (published && row(now.model)) note.textContent += ` ${PUBLISHED}`;
    const offer = model.get("offer");
    start.disabled = !(offer.key === key(now.model) && offer.able);
    stop.disabled = !model.get("training");
    if (ending.textContent !== model.get("ending")) ending.textContent = model.get("ending");
    progress.textContent = model.get("progress");
  };

  el.classList.add("tlfourier-panel");
  el.classList.toggle("tlfourier-published", published);
  el.setAttribute("data-lm-suppress-shortcuts", "true"); // arrow keys are the ladder's, not the notebook's
  el.append(
    h("div", { class: "tl-controls" }, caseList.node, scalingList.node, scoreList.node, replicateList.node, modelList.node),
    group,
    status,
    note,
    ...(doing ? [doing] : []),
    h("div", { class: "tl-columns" }, ladder, fields),
    kernels,
  );
  draw();
  const heard = [
    ...["case", "scaling", "score", "replicate", "model", "own"].map((name) => [`change:${name}`, draw]),
    ...["offer", "training", "ending", "progress"].map((name) => [`change:${name}`, say]),
  ];
  heard.forEach(([event, react]) => model.on(event, react));
  return () => heard.forEach(([event, react]) => model.off(event, react));
}

export default { render };
