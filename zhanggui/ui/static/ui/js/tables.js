// A table that fits its place keeps its head in sight while the page scrolls. A wider one scrolls
// sideways in a box of its own, which a head cannot leave.
import { all, once } from "./texts.js";

function see(entries) {
  for (const { target } of entries) {
    const table = target.querySelector("table");
    target.classList.toggle("is-fitting", !!table && table.offsetWidth <= target.clientWidth);
  }
}

const watcher = window.ResizeObserver && new ResizeObserver(see);

function scan(root) {
  for (const box of all(root, ".zg-table-wrap:not(.zg-table-tall)")) if (once(box, "Table")) watcher?.observe(box);
}

export function start() {
  scan(document);
  document.addEventListener("htmx:load", (event) => scan(event.target));
}
