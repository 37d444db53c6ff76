// The log of calls and pushes, newest first, growing by itself.

import { ask, beijing, h, icon } from "../dom.js";
import { API, desk, notice } from "./frame.js";

const KINDS = [["", "全部"], ["api", "接口调用"], ["callback", "消息推送"], ["page", "网页授权"], ["pay", "微信支付"]];
const LABELS = Object.fromEntries(KINDS);
const PAGE = 60;
const EVERY_MS = 1500;

const main = desk(h("button", { type: "button", class: "button", onclick: empty }, "清空记录"));
const field = h("input", { type: "search", class: "find", placeholder: "在路径和内容里查找", "aria-label": "查找", autocomplete: "off" });
const tabs = h("div", { class: "segments", role: "group", "aria-label": "种类" });
const rows = h("div", { class: "calls" });
const more = h("button", { type: "button", class: "button", onclick: () => load({ older: true }) }, "更早的记录");
main.append(h("div", { class: "page-head" }, h("h1", {}, "调用记录"), tabs, field), rows, h("div", { class: "page-foot" }, more));

let kind = "";
let calls = [];
const opened = new Set();

const pad = (number, width = 2) => String(number).padStart(width, "0");
const time = (seconds) => {
  const at = beijing(seconds);
  return `${pad(at.getUTCMonth() + 1)}-${pad(at.getUTCDate())} ${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())}`;
};

function isBad(call) {
  if (call.kind === "callback") return !["accepted", "replied"].includes(call.answer.outcome);
  return Boolean(call.errcode) || call.status >= 400;
}

function verdict(call) {
  if (call.kind === "callback") return call.status ? `HTTP ${call.status}` : "没有回答";
  if (call.kind === "page" && !call.errcode) return call.status === 302 ? "已跳转" : "已显示";
  if (call.errcode) return String(call.errcode);
  return call.status === 200 ? "成功" : `HTTP ${call.status}`;
}

function detail(title, value) {
  return h("section", {}, h("h3", {}, title), h("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2)));
}

function row(call) {
  const box = h("details", { class: "call", open: opened.has(call.id) },
    h("summary", {},
      h("time", {}, time(call.at)),
      h("span", { class: `kind kind-${call.kind}` }, LABELS[call.kind] ?? call.kind),
      h("code", { class: "path" }, call.method, " ", call.path),
      h("span", { class: "note" }, call.note || (call.answer?.errmsg ?? "").replace(/ rid:.*/, "")),
      h("span", { class: "took" }, `${call.took_ms} ms`),
      h("b", { class: isBad(call) ? "bad" : "good" }, verdict(call)),
      icon("down")));
  box.addEventListener("toggle", () => {
    if (box.open) opened.add(call.id);
    else opened.delete(call.id);
    if (box.open && box.childElementCount === 1) {
      box.append(h("div", { class: "call-body" }, h("div", { class: "call-tools" }, h("p", { class: "quiet" }, call.appid ? `公众号 ${call.appid}` : ""), call.can_repeat ? h("button", { type: "button", class: "button small", onclick: () => repeat(call) }, icon("refresh"), call.kind === "callback" ? "再推送一次" : "再调用一次") : null), detail("请求", call.request), detail("回答", call.answer ?? "（空）")));
    }
  });
  return box;
}

/** Make it once more as it was: tokens and signatures may be old by now, which is a test too. */
async function repeat(call) {
  try {
    const { status } = await ask("POST", `${API}/calls/${call.id}/replay`, {});
    notice(call.kind === "callback" ? (status ? `商家系统回答了 HTTP ${status}` : "商家系统没有回答") : `沙箱回答了 HTTP ${status}`);
    await load();
  } catch (error) {
    notice(error.message, "bad");
  }
}

function draw() {
  rows.replaceChildren(...(calls.length ? calls.map(row) : [h("p", { class: "blank" }, "还没有记录。商家系统调用微信接口、微信推送消息时，会显示在这里。")]));
  more.hidden = calls.length < PAGE || calls.length % PAGE !== 0;
}

async function load({ older = false } = {}) {
  const values = new URLSearchParams({ limit: String(PAGE), kind, find: field.value.trim() });
  if (older && calls.length) values.set("before", String(calls.at(-1).id));
  const found = await ask("GET", `${API}/calls?${values}`);
  if (!older && found[0]?.id === calls[0]?.id && found.length === Math.min(calls.length, PAGE)) return;
  calls = older ? [...calls, ...found] : found;
  draw();
}

async function empty() {
  await ask("DELETE", `${API}/calls`);
  calls = [];
  draw();
}

function drawTabs() {
  tabs.replaceChildren(...KINDS.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": String(value === kind), onclick: () => { kind = value; calls = []; drawTabs(); load(); } }, text)));
}

let typing = 0;
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => { calls = []; load(); }, 200);
});
drawTabs();
draw();
load().catch((error) => notice(error.message, "bad"));
setInterval(() => calls.length <= PAGE && load().catch(() => {}), EVERY_MS);
