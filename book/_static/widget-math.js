// Widgets ask MathJax 2's queue to typeset their labels; the book has MathJax 3: pass the elements on.
MathJax.Hub = {
  Queue: (...calls) => calls.forEach(([, , element]) => MathJax.typesetPromise([element])),
};
