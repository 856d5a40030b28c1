// Widgets ask MathJax 2's queue to typeset their labels; the book has MathJax 3, on pages with formulas: pass the elements on.
if (window.MathJax) {
  MathJax.Hub = {
    Queue: (...calls) => calls.forEach(([, , element]) => MathJax.typesetPromise([element])),
  };
}
// The layer chooser is an anywidget, whose code lies here: else the page would ask the network for it.
window.requirejs?.config({
  paths: { anywidget: new URL("vendor/anywidget/index", document.currentScript.src).href },
});
