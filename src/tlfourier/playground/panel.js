// The panel: what the model holds on one side, pictures and controls on the other.
function unpack(coded, unit) {
  const bytes = Uint8Array.from(atob(coded), (one) => one.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) * unit);
}

const LINES = {
  field: ["ω", "the field"],
  before: ["h = W ⋆ ω + b", "after the convolution"],
  after: ["g = max(h, 0)", "after ReLU"],
};
const MIXES = ["amplitude spectra: the convolution multiplies, ReLU mixes", "mean |F| / N² over each shell of |k|"];
const BRUSHES = [-1, 0, 1];
const BIASES = 3;
let panels = 0;

function figure([title, formula], ...inside) {
  const note = element("p", { class: "kp-note" });
  const caption = element("figcaption", { text: title });
  if (formula) caption.append(element("span", { text: formula }));
  const made = element("figure", {}, caption, ...inside, note);
  return { made, note };
}

const map = (label) => element("canvas", { role: "img", "aria-label": label });
const plot = (label) => {
  const svg = drawn("svg", { role: "img", "aria-label": label, width: "100%" });
  return { svg, holder: element("div", { class: "kp-plot" }, svg) };
};

function presetList(model) {
  const list = element("select");
  grouped(model.get("presets")).forEach((members, label) => {
    const options = members.map(({ name }) => element("option", { value: name, text: name }));
    list.append(element("optgroup", { label }, ...options));
  });
  return list;
}

function grouped(presets) {
  const groups = new Map();
  presets.forEach((one) => groups.set(one.group, [...(groups.get(one.group) ?? []), one]));
  return groups;
}

function brushes(id, scale) {
  const radios = BRUSHES.map((part) => element("input", { type: "radio", name: `brush-${id}`, value: part }));
  radios[BRUSHES.length - 1].checked = true;
  const labels = radios.map((radio) => element("label", {}, radio, element("span")));
  const set = element("fieldset", {}, element("legend", { text: "brush" }), ...labels);
  const chosen = () => Number(radios.find((radio) => radio.checked).value) * scale();
  const show = () => labels.forEach((label, i) => (label.lastChild.textContent = number(BRUSHES[i] * scale())));
  return { set, chosen, show };
}

function render({ model, el }) {
  const id = (panels += 1);
  const [size, rule, colours] = ["size", "rule", "colours"].map((name) => model.get(name));
  const field = unpack(model.get("field"), model.get("field_unit"));
  const side = model.get("kernel").length;
  const signed = (part) => colourAt(colours.signed, (1 + part) / 2);
  const limitOf = (values) => values.reduce((most, one) => Math.max(most, Math.abs(one)), 0) || 1;
  const fieldLimit = limitOf(field);

  const preset = () => model.get("presets").find(({ name }) => name === model.get("preset")) ?? model.get("presets")[0];
  const get = () => model.get("kernel").flat();
  const set = (weights) => model.set("kernel", Array.from({ length: side }, (_, row) => weights.slice(row * side, (row + 1) * side)));
  const done = () => model.save_changes();
  // what a full brush paints: the largest weight of the preset, one for a grid of zeros
  const scale = () => Number((Math.max(...preset().weights.flat().map(Math.abs)) || 1).toPrecision(2));

  // ---- controls
  const list = presetList(model);
  const pick = (name) => {
    model.set("preset", name);
    set(preset().weights.flat());
    done();
  };
  list.addEventListener("change", () => pick(list.value));
  const button = (text, title, action) => {
    const made = element("button", { type: "button", title, text });
    made.addEventListener("click", () => {
      action();
      done();
    });
    return made;
  };
  const brush = brushes(id, scale);
  const grid = weightGrid({ side, get, set, scale, brush: brush.chosen, done, colour: signed });
  const buttons = [
    button("normalise", "divide by the largest |F(W)|", () => {
      const most = amplitude(get(), side, size).reduce((top, one) => Math.max(top, one), 0);
      if (most > 0) set(get().map((one) => one / most));
    }),
    button("negate", "change the sign of every weight", () => set(get().map((one) => -one || 0))),
    button("reset", "the chosen kernel again, without a bias", () => {
      model.set("bias", 0);
      set(preset().weights.flat());
    }),
  ];
  const biasLabel = "bias b, in standard deviations of W ⋆ ω";
  const slider = element("input", { type: "range", min: -BIASES, max: BIASES, step: 0.05, "aria-label": biasLabel });
  const typed = element("input", { type: "number", min: -BIASES, max: BIASES, step: 0.05, "aria-label": `${biasLabel}, as a number` });
  [slider, typed].forEach((input) => {
    input.addEventListener("input", () => {
      const value = input.valueAsNumber;
      if (Number.isFinite(value)) model.set("bias", Math.min(Math.max(value, -BIASES), BIASES));
    });
    input.addEventListener("change", () => {
      input.value = model.get("bias");
      done();
    });
  });

  // ---- pictures
  const passed = map("amplitude spectrum of the kernel, k = 0 in the middle");
  const over = plot("amplitude spectrum of the kernel over the wavenumber, mean and range over direction");
  const views = Object.fromEntries(Object.entries(LINES).map(([name, [formula, words]]) => [name, map(`${words}: ${formula}`)]));
  const spectra = plot("amplitude spectra of the field, after the convolution and after ReLU");
  const figures = {
    kernel: figure(["kernel", "W"], grid.table, grid.spoken, brush.set),
    passed: figure(["what it passes", "|F(W)|"], passed),
    over: figure(["the same over |k|", "mean and range over direction"], over.holder),
    spectra: figure(MIXES, legend(), spectra.holder),
  };
  figures.kernel.note.id = `tlfourier-kernel-${id}`;
  figures.kernel.note.textContent = "Drag to paint. By keyboard: arrows move, + and − change a weight, digits type one.";
  grid.table.setAttribute("aria-describedby", figures.kernel.note.id);
  const fields = Object.entries(LINES).map(([name, [formula, words]]) => (figures[name] = figure([words, formula], views[name])));
  const offset = element("output");
  const status = element("p", { role: "status" });
  el.classList.add("tlfourier-playground");
  el.style.setProperty("--before", colours.before);
  el.style.setProperty("--after", colours.after);
  el.append(
    element("div", { class: "kp-controls" }, element("label", { text: "kernel " }, list), ...buttons),
    status,
    element("div", { class: "kp-filter" }, figures.kernel.made, figures.passed.made, figures.over.made),
    element("div", { class: "kp-controls" }, element("span", { text: "bias b" }), slider, typed, offset),
    element("div", { class: "kp-fields" }, ...fields.map(({ made }) => made)),
    figures.spectra.made,
  );

  // ---- what is shown
  let said = 0;
  function say(text) {
    // a screen reader is not to hear every step of a drag
    clearTimeout(said);
    if (status.textContent) said = setTimeout(() => (status.textContent = text), 200);
    else status.textContent = text;
  }

  // a kernel that was drawn upon no longer goes by its name alone
  function nameChosen() {
    const chosen = preset();
    const own = chosen.weights.flat().some((one, i) => one !== get()[i]);
    for (const option of list.options) option.textContent = option.value + (own && option.value === chosen.name ? ", changed" : "");
    list.value = chosen.name;
  }

  let result;
  function lines() {
    drawPassed(over.svg, result.shells);
    drawSpectra(spectra.svg, result.spectra);
  }

  function show() {
    const [kernel, bias] = [get(), model.get("bias")];
    result = analyse(field, size, kernel, side, bias, rule.weak);
    nameChosen();
    slider.value = bias;
    if (document.activeElement !== typed) typed.value = bias; // else a comma or a minus that is being typed would go
    offset.textContent = `standard deviations of W ⋆ ω, b = ${number(result.offset)}`;
    grid.show();
    brush.show();
    const shift = Math.ceil(size / 2);
    paint(passed, result.passes, size, (one) => colourAt(colours.amplitude, one / (result.largest || 1)), shift);
    const limit = limitOf(result.before);
    for (const [name, values, most] of [["field", field, fieldLimit], ["before", result.before, limit], ["after", result.after, limit]]) {
      paint(views[name], values, size, (one) => signed(one / most));
      figures[name].note.textContent = `colours to ±${number(most)}`;
    }
    figures.after.note.textContent += `; ${percent(result.zeroed)} cut off`;
    figures.passed.note.textContent = `k = 0 in the middle, ${number(size / 2)} waves per box at the edge; yellow is ${number(result.largest)}`;
    figures.spectra.note.textContent = notes(result);
    say(sentence(result, classify(kernel, side, rule)));
    lines();
  }

  const watched = ["change:kernel", "change:bias", "change:preset"];
  watched.forEach((name) => model.on(name, show));
  show();
  const resized = new ResizeObserver(lines);
  resized.observe(over.holder);
  return () => {
    resized.disconnect();
    clearTimeout(said);
    watched.forEach((name) => model.off(name, show));
  };
}

function legend() {
  const entries = Object.entries(LINES).map(([name, [formula, words]]) => {
    const swatch = drawn("svg", { width: 28, height: 10, "aria-hidden": "true" });
    swatch.append(drawn("path", { class: `kp-line kp-${name}`, d: "M1 5H27" }));
    return element("li", {}, swatch, element("span", { text: `${words}, ${formula}` }));
  });
  return element("ul", { class: "kp-legend" }, ...entries);
}

function notes(result) {
  const exact = `Before b is added, |F(h)| = |F(W)| |F(ω)|, to ${order(result.residual)} of its maximum.`;
  const fresh = Number.isFinite(result.moved) ? ` No multiple of h gives ${percent(result.moved)} of the variance of g.` : "";
  return exact + fresh;
}

export default { render };
