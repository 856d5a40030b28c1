// What the theme leaves out for readers without a mouse, and for those who open the book as files.
for (const summary of document.querySelectorAll("nav .has-children > details > summary")) {
  const page = summary.closest(".has-children").querySelector("a");
  summary.setAttribute("aria-label", `Pages under ${page.textContent.trim()}`);
}

// the bibliography is a list, but its items have a role that lists no longer know
for (const item of document.querySelectorAll('[role="doc-biblioentry"]')) item.setAttribute("role", "listitem");

// so do the lines of a long signature, which are a list of definitions without terms
for (const line of document.querySelectorAll("dt.sig > dl, dt.sig > dl > dd")) line.setAttribute("role", "none");

// a box that scrolls takes the focus, so that the arrow keys reach what it hides
const boxes = [
  ".pst-scrollable-table-container",
  "div.cell_output, .cell_output .text_html",
  ".highlight > pre",
  "div.math mjx-container",
].join(", ");
const reachable = () => {
  for (const box of document.querySelectorAll(boxes)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
};
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  reachable();
  new ResizeObserver(reachable).observe(document.body);
});

// a search shows the words around its findings; browsers refuse to read these from files
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
