// A film: fields of one byte a point, drawn in the book's colours; it plays when the reader asks.
const PER_SECOND = 8;

function bytes(coded) {
  return Uint8Array.from(atob(coded), (one) => one.charCodeAt(0));
}

function made(tag, properties = {}, ...inside) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) node.setAttribute(name, value);
  node.append(...inside);
  return node;
}

function render({ model, el }) {
  const frames = new Int8Array(bytes(model.get("frames")).buffer);
  const shades = bytes(model.get("colours"));
  const [size, times, titles] = ["size", "times", "titles"].map((name) => model.get(name));
  const canvases = titles.map((title) =>
    made("canvas", { width: size, height: size, role: "img", "aria-label": `${model.get("alt")}: ${title}` }),
  );
  const panels = canvases.map((canvas, i) => made("figure", {}, made("figcaption", {}, titles[i]), canvas));
  const button = made("button", { type: "button" }, "Play");
  const slider = made("input", { type: "range", min: 0, max: times.length - 1, value: 0, "aria-label": "time" });
  const clock = made("output");
  el.classList.add("tlfourier-film");
  el.append(made("div", { class: "film-panels" }, ...panels), made("div", { class: "film-bar" }, button, slider, clock));

  const draw = () => {
    const frame = Number(slider.value);
    canvases.forEach((canvas, panel) => {
      const picture = new ImageData(size, size);
      const start = (panel * times.length + frame) * size * size;
      for (let i = 0; i < size * size; i++) {
        const shade = Math.round(((frames[start + i] + 127) * 255) / 254);
        picture.data.set([shades[3 * shade], shades[3 * shade + 1], shades[3 * shade + 2], 255], 4 * i);
      }
      canvas.getContext("2d").putImageData(picture, 0, 0);
    });
    clock.textContent = `t = ${times[frame].toFixed(2)}`;
    slider.setAttribute("aria-valuetext", clock.textContent);
  };

  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  };
  const next = () => {
    if (Number(slider.value) === times.length - 1) return stop();
    slider.value = Number(slider.value) + 1;
    draw();
  };
  button.addEventListener("click", () => {
    if (timer !== null) return stop();
    if (Number(slider.value) === times.length - 1) slider.value = 0;
    button.textContent = "Pause";
    draw();
    timer = setInterval(next, 1000 / PER_SECOND);
  });
  slider.addEventListener("input", () => {
    stop();
    draw();
  });
  draw();
  return stop;
}

export default { render };
