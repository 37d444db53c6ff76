// The search over everything: Ctrl-K or the magnifier opens it, arrows choose, Enter goes there.
import { close, open } from "./dialog.js";

function hits(dialog) {
  return [...dialog.querySelectorAll("[data-hit]")];
}

function show(dialog) {
  if (dialog.hasAttribute("open")) return;
  open(dialog);
  const input = dialog.querySelector("input");
  input.focus();
  input.select();
  window.htmx.trigger(input, "search-now");
}

function move(dialog, step) {
  const all = hits(dialog);
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = at + step;
  if (next < 0) dialog.querySelector("input").focus();
  else all[Math.min(next, all.length - 1)].focus();
}

export function start() {
  const dialog = document.getElementById("zg-search");
  if (!dialog) return;
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-search-open]")) show(dialog);
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      show(dialog);
    } else if (!dialog.contains(event.target) || event.isComposing) {
      return;
    } else if (event.key === "Escape") {
      event.preventDefault(); // else the browser only empties the field
      close(dialog);
    } else if (event.key === "ArrowDown") {
      event.preventDefault();
      move(dialog, 1);
    } else if (event.key === "ArrowUp") {
      event.preventDefault();
      move(dialog, -1);
    }
  });
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const first = hits(dialog)[0];
    if (first) location.assign(first.href);
  });
}
