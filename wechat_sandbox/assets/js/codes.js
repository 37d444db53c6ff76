// Digits in a message that somebody has to type elsewhere: shown large, copied on a tap.

import { copyText, h } from "./dom.js";

const CODE = /(?<!\d)\d{4,8}(?!\d)/g;

/** The text with its codes as buttons; `done` hears of a copy. */
export function withCodes(text, done) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(CODE)) {
    parts.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const copy = async () => done((await copyText(found[0])) ? `已复制 ${found[0]}` : "复制没有成功，请手动选中");
    parts.push(h("button", { type: "button", class: "sms-code", title: "复制", onclick: copy }, found[0]));
  }
  parts.push(text.slice(at));
  return parts;
}
