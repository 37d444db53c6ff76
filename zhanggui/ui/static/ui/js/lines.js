// Forms made of lines: a line goes by its button; whoever watches hears "lines-changed".
function changed() {
  document.body.dispatchEvent(new CustomEvent("lines-changed", { bubbles: true }));
}

export function start() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-line-remove]");
    if (!button) return;
    const line = button.closest("[data-line]");
    const form = line.closest("form");
    line.remove();
    if (form?.matches("[data-unsaved]")) form.dataset.changed = "1";
    changed();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const lines = event.target;
    if (!lines.matches?.("[data-lines]")) return;
    const chooser = event.detail.requestConfig?.elt;
    if (chooser?.matches("select")) chooser.value = "";
    lines.lastElementChild?.querySelector("select, input:not([type=hidden])")?.focus();
    changed();
  });
}
