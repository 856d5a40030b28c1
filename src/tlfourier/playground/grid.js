// The grid of weights: arrows move, + and - change, digits type; a mouse or a finger paints. One cell is in the order
// of Tab, as in a table; a screen reader hears the place and the weight of each.
function weightGrid({ side, get, set, scale, brush, done, colour }) {
  const half = (side - 1) / 2;
  const spoken = element("span", { class: "kp-unseen", "aria-live": "polite" });
  const table = element("div", { role: "grid", "aria-label": "weights of the kernel", class: "kp-weights" });
  table.style.setProperty("--side", side);
  const cells = Array(side * side);
  let current = half * side + half;
  let editor = null;
  let minus = null; // the weight before a minus: a digit that follows makes it the sign of what is typed

  const place = (i) => `x ${number((i % side) - half)}, y ${number(Math.floor(i / side) - half)}`;
  const step = () => scale() / 10;

  function focus(i) {
    cells[current].tabIndex = -1;
    current = i;
    cells[i].tabIndex = 0;
    cells[i].focus({ preventScroll: true });
  }

  function change(i, value) {
    const weights = [...get()];
    weights[i] = Math.abs(value) < 1e-12 ? 0 : value;
    set(weights);
    spoken.textContent = `${place(i)}: ${number(weights[i])}`;
  }

  function edit(i, text) {
    focus(i);
    const input = element("input", { type: "text", inputmode: "decimal", "aria-label": `weight at ${place(i)}` });
    input.value = text ?? number(get()[i], 4);
    editor = input;
    cells[i].replaceChildren(input);
    input.focus();
    if (text === undefined) input.select();
    const close = (keep) => {
      if (editor !== input) return;
      editor = null;
      const value = Number(input.value.trim().replace("−", "-").replace(",", "."));
      if (keep && input.value.trim() && Number.isFinite(value)) change(i, value);
      show();
      done();
    };
    input.addEventListener("blur", () => close(true));
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      close(event.key === "Enter");
      focus(i);
    });
  }

  function key(event) {
    if (editor || event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = [Math.floor(current / side), current % side];
    const moves = {
      ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], ArrowUp: [row + 1, column], ArrowDown: [row - 1, column],
      Home: [row, 0], End: [row, side - 1],
    }; // prettier-ignore
    const by = { "+": 1, "=": 1, "-": -1, "−": -1 }[event.key];
    const sign = minus === null ? "" : "-";
    const [was, value] = [minus, get()[current]];
    minus = by === -1 && was === null ? value : null;
    const inside = (one) => Math.min(Math.max(one, 0), side - 1);
    if (moves[event.key]) focus(inside(moves[event.key][0]) * side + inside(moves[event.key][1]));
    else if (by) change(current, get()[current] + by * step());
    else if (event.key === "Delete" || event.key === "Backspace") change(current, 0);
    else if (event.key === "Enter" || event.key === "F2") edit(current);
    else if (/^[0-9.,]$/.test(event.key)) {
      if (was !== null) change(current, was);
      edit(current, sign + event.key);
    } else return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab has shortcuts of one letter
    if (!editor) done();
  }

  function under(event) {
    const box = table.getBoundingClientRect();
    const inside = (part) => Math.min(Math.max(Math.floor(part * side), 0), side - 1);
    return inside(1 - (event.clientY - box.top) / box.height) * side + inside((event.clientX - box.left) / box.width);
  }

  let painting = false;
  table.addEventListener("pointerdown", (event) => {
    if (event.button || editor?.contains(event.target)) return;
    event.preventDefault();
    document.activeElement?.blur?.(); // what is being typed elsewhere is taken first
    painting = true;
    minus = null;
    table.setPointerCapture(event.pointerId);
    focus(under(event));
    change(current, brush());
  });
  table.addEventListener("pointermove", (event) => {
    if (!painting || under(event) === current) return;
    focus(under(event));
    change(current, brush());
  });
  const end = () => {
    if (painting) done();
    painting = false;
  };
  table.addEventListener("pointerup", end);
  table.addEventListener("pointercancel", end);
  table.addEventListener("keydown", key);

  // the row of the largest y comes first, as y is upwards
  for (let row = side - 1; row >= 0; row--) {
    const line = element("div", { role: "row" });
    for (let column = 0; column < side; column++) {
      const i = row * side + column;
      cells[i] = element("div", { role: "gridcell", tabindex: i === current ? 0 : -1 });
      line.append(cells[i]);
    }
    table.append(line);
  }

  function show() {
    const weights = get();
    const limit = Math.max(...weights.map(Math.abs)) || 1;
    cells.forEach((cell, i) => {
      if (editor && cell.contains(editor)) return;
      const ground = colour(weights[i] / limit);
      cell.textContent = weightText(weights[i], limit);
      cell.setAttribute("aria-label", `${place(i)}: ${number(weights[i], 3)}`);
      cell.style.background = `rgb(${ground})`;
      cell.style.color = inkOn(ground);
    });
  }

  return { table, spoken, show };
}
