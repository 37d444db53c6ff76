// Short notices and choices over the phone's screen.

import { h } from "../dom.js";

let timer = 0;

function host() {
  return document.querySelector(".phone") ?? document.body;
}

export function toast(text) {
  document.querySelector(".toast")?.remove();
  const notice = h("div", { class: "toast", role: "status" }, text);
  host().append(notice);
  clearTimeout(timer);
  timer = setTimeout(() => notice.remove(), 2200);
}

/** A sheet of choices from below: `[[label, action, kind?]]`. */
export function sheet(title, choices) {
  const close = () => layer.remove();
  const layer = h(
    "div",
    { class: "sheet-layer", onclick: (event) => event.target === layer && close() },
    h(
      "div",
      { class: "sheet", role: "dialog", "aria-label": title || "更多" },
      title ? h("p", { class: "sheet-title" }, title) : null,
      choices.map(([label, action, kind]) =>
        h("button", { type: "button", class: `sheet-choice ${kind ?? ""}`, onclick: () => { close(); action(); } }, label)),
      h("button", { type: "button", class: "sheet-choice cancel", onclick: close }, "取消"),
    ),
  );
  layer.addEventListener("keydown", (event) => event.key === "Escape" && close());
  host().append(layer);
  layer.querySelector("button").focus();
}
