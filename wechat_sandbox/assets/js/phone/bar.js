// The bar at the top of a view.

import { h, icon } from "../dom.js";
import { back } from "./nav.js";

export function bar(title, { isRoot = false, actions = [] } = {}) {
  return h(
    "header",
    { class: "bar" },
    h("div", { class: "bar-side" }, isRoot ? null : iconButton("back", "返回", back)),
    h("h1", { class: "bar-title" }, title),
    h("div", { class: "bar-side bar-end" }, actions),
  );
}

export function iconButton(name, label, onclick) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick }, icon(name));
}
