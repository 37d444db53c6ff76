// All text messages, newest first, growing by itself: also of numbers that are nobody's here.

import { ask, beijing, h } from "../dom.js";
import { withCodes } from "../codes.js";
import { API, desk, notice } from "./frame.js";

const EVERY_MS = 1500;
const wish = new URLSearchParams(location.search);

const main = desk(h("button", { type: "button", class: "button", onclick: empty }, "清空短信"));
const field = h("input", { type: "search", class: "find", placeholder: "按手机号或内容查找", "aria-label": "查找短信", autocomplete: "off", value: wish.get("find") ?? "" });
const list = h("div", { class: "inbox", "aria-live": "polite" });
main.append(
  h("div", { class: "page-head" }, h("h1", {}, "短信"), field),
  h("p", { class: "quiet inbox-lead" }, "商家系统发出的短信都在这里，也包括不属于任何人物的号码。点验证码可以复制。"),
  list,
);

let shown = "";

const two = (number) => String(number).padStart(2, "0");
const time = (seconds) => {
  const at = beijing(seconds);
  return `${at.getUTCMonth() + 1}月${at.getUTCDate()}日 ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
};

function message(one) {
  return h("article", { class: "sms-card", "data-phone": one.phone },
    h("header", {}, h("b", {}, one.phone.replace("+86", "")), h("span", {}, one.person ? `${one.person} 的手机` : "不是沙箱里的人"), h("time", {}, time(one.at))),
    h("p", {}, withCodes(one.text, notice)));
}

async function load() {
  const found = await ask("GET", `${API}/sms?${new URLSearchParams({ find: field.value.trim() })}`);
  const print = JSON.stringify(found.map((one) => one.id));
  if (print === shown) return;
  shown = print;
  list.replaceChildren(...(found.length ? found.map(message) : [h("p", { class: "blank" }, field.value.trim() ? "没有找到这样的短信。" : "还没有短信。在商家系统里获取一次验证码，就会出现在这里。")]));
}

async function empty() {
  await ask("DELETE", `${API}/sms`);
  await load();
}

let typing = 0;
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => load().catch(() => {}), 200);
});
load().catch((error) => notice(error.message, "bad"));
setInterval(() => load().catch(() => {}), EVERY_MS);
