// The head all pages of the sandbox share.

import { h, icon } from "../dom.js";

const PAGES = [
  ["/", "手机", "phone"],
  ["/_sandbox/accounts", "公众号", "shop"],
  ["/_sandbox/open", "开放平台", "shield"],
  ["/_sandbox/merchants", "商户", "wallet"],
  ["/_sandbox/people", "人物", "people"],
  ["/_sandbox/sms", "短信", "sms"],
  ["/_sandbox/calls", "调用记录", "list"],
  ["/_sandbox/control", "控制台", "sliders"],
];

export const API = "/_sandbox/api";

/** Draw the head and return the place for the page's own content. */
export function desk(...tools) {
  const main = h("main", { class: "desk" });
  const nav = h("nav", { class: "desk-nav", "aria-label": "页面" }, PAGES.map(([href, label, sign]) =>
    h("a", { href, "aria-current": location.pathname === href ? "page" : null }, icon(sign), h("span", {}, label))));
  document.getElementById("app").append(
    h("header", { class: "desk-bar" },
      h("a", { class: "desk-name", href: "/" }, h("span", { class: "seal", "aria-hidden": "true" }, "微"), h("b", {}, "微信沙箱")),
      nav,
      h("div", { class: "desk-tools" }, tools)),
    main,
  );
  // on a phone the strip is wider than the screen
  const open = nav.querySelector("[aria-current]");
  if (open) nav.scrollLeft = open.offsetLeft - (nav.clientWidth - open.offsetWidth) / 2;
  return main;
}

let timer = 0;

export function notice(text, kind = "") {
  document.querySelector(".notice")?.remove();
  const box = h("div", { class: `notice ${kind}`, role: "status" }, text);
  document.body.append(box);
  clearTimeout(timer);
  timer = setTimeout(() => box.remove(), 3200);
}

/** A dialog with a form; `fields` are [name, label, attributes, help]; `save` may throw. */
export function formDialog(title, fields, verb, save) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const inputs = new Map();
  const dialog = h("dialog", { class: "dialog", "aria-label": title });
  const rows = fields.map(([name, label, attributes = {}, help = ""]) => {
    const { options, isLong, ...rest } = attributes;
    const input = isLong
      ? h("textarea", { name, rows: 3, ...rest })
      : options
      ? h("select", { name }, options.map(([value, text]) => h("option", { value, selected: value === rest.value }, text)))
      : h("input", { name, type: "text", autocomplete: "off", spellcheck: "false", ...rest });
    inputs.set(name, input);
    return h("label", { class: "form-row" }, h("span", {}, label), input, help ? h("small", {}, help) : null);
  });
  const form = h("form", {},
    h("h2", {}, title), ...rows, problem,
    h("div", { class: "form-actions" },
      h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "取消"),
      h("button", { class: "button primary" }, verb)));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await save(Object.fromEntries([...inputs].map(([name, input]) => [name, input.value.trim()])));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
  dialog.append(form);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Ask before something that cannot be taken back. */
export function confirmDialog(title, text, verb, work) {
  const close = () => dialog.close();
  const go = h("button", { type: "button", class: "button danger", onclick: () => { close(); work(); } }, verb);
  const dialog = h("dialog", { class: "dialog", "aria-label": title },
    h("h2", {}, title), h("p", {}, text),
    h("div", { class: "form-actions" }, h("button", { type: "button", class: "button", onclick: close }, "取消"), go));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
