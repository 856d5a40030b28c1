// One button a layer. aria-pressed says which are chosen, to screen readers and to widgets.css alike.
const STALE =
  "Not connected to a running kernel, so nothing here is computed: in JupyterLab, run the cells of this notebook again.";

function render({ model, el }) {
  const buttons = model.get("layers").map((layer) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `layer ${layer}`;
    button.addEventListener("click", () => {
      const chosen = model.get("chosen");
      const others = chosen.filter((one) => one !== layer);
      const next = others.length < chosen.length ? others : [...chosen, layer];
      model.set("chosen", next.sort((a, b) => a - b));
      model.save_changes();
    });
    return button;
  });
  const show = () =>
    model.get("layers").forEach((layer, i) => {
      buttons[i].setAttribute("aria-pressed", model.get("chosen").includes(layer));
    });
  const row = document.createElement("div");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "layers to re-train");
  row.append(...buttons);
  // widgets.css shows it as soon as the widget manager marks this element as disconnected
  const stale = document.createElement("p");
  stale.className = "tlfourier-stale";
  stale.setAttribute("role", "status");
  stale.textContent = STALE;
  el.classList.add("tlfourier-layers");
  el.append(row, stale);
  model.on("change:chosen", show);
  show();
  return () => model.off("change:chosen", show);
}

export default { render };
