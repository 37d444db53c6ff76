// The start page: up to three phones side by side, each a frame of its person's own host.

import { ask, h, icon, portrait } from "../dom.js";
import { API, desk, notice } from "./frame.js";

const KEY = "sandbox-stage";
const MOST = 3;
const SHOWN = 120;

const wish = new URLSearchParams(location.search);
const add = h("button", { type: "button", class: "button", onclick: () => choose(null) }, icon("plus"), "加一部手机");
const main = desk(add);
const switcher = h("div", { class: "switcher", role: "tablist", "aria-label": "手机" });
const phones = h("div", { class: "phones" });
main.classList.add("stage");
main.append(switcher, phones);

let people = [];
let slots = [];
let active = 0;

function kept() {
  if (wish.get("people")) return wish.get("people").split(",");
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(slots));
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

const person = (slug) => people.find((one) => one.slug === slug);

/** Frames are kept by person, so that changing one phone does not restart the others. */
const cards = new Map();

function card(slug) {
  const who = person(slug);
  const open = wish.get("open");
  const src = who.phone_url + (open ? `?open=${encodeURIComponent(open)}` : "");
  const frame = h("iframe", { class: "phone-frame", src, title: `${who.nickname} 的手机`, allow: "clipboard-write; camera; display-capture" });
  const element = h("article", { class: "phone-card", "data-person": slug },
    h("header", { class: "phone-head" },
      h("button", { type: "button", class: "phone-person", title: "换一个人", onclick: () => choose(slug) },
        portrait(who), h("span", {}, h("b", {}, who.nickname), h("small", {}, who.tags.join(" · ") || who.slug)), icon("down")),
      h("a", { class: "icon-button", href: who.phone_url, target: "_blank", rel: "noopener", title: "在新标签页打开这部手机", "aria-label": "在新标签页打开这部手机" }, icon("open")),
      h("button", { type: "button", class: "icon-button", title: "收起这部手机", "aria-label": "收起这部手机", onclick: () => remove(slug) }, icon("close"))),
    h("div", { class: "case" }, frame));
  return element;
}

function draw() {
  slots = slots.filter((slug) => person(slug)).slice(0, MOST);
  active = Math.min(active, Math.max(slots.length - 1, 0));
  for (const [slug, element] of cards) {
    if (!slots.includes(slug)) {
      element.remove();
      cards.delete(slug);
    }
  }
  slots.forEach((slug, place) => {
    if (!cards.has(slug)) cards.set(slug, card(slug));
    const element = cards.get(slug);
    element.classList.toggle("active", place === active);
    element.style.order = String(place);
    if (!element.isConnected) phones.append(element);
  });
  phones.querySelector(".stage-empty")?.remove();
  if (!slots.length) phones.append(emptyStage());
  add.disabled = slots.length >= MOST || !people.length;
  switcher.hidden = slots.length < 2;
  switcher.replaceChildren(...slots.map((slug, place) =>
    h("button", { type: "button", role: "tab", "aria-selected": String(place === active), onclick: () => { active = place; draw(); } }, person(slug).nickname)));
  keep();
}

function emptyStage() {
  return people.length
    ? h("div", { class: "stage-empty" }, h("h1", {}, "拿起一部手机"),
        h("p", {}, "选一个人，用他的微信扫码、关注公众号、打开网页。最多同时三部，各自登录，互不影响。"),
        h("button", { type: "button", class: "button primary", onclick: () => choose(null) }, "选一个人"))
    : h("div", { class: "stage-empty" }, h("h1", {}, "沙箱里还没有人"),
        h("p", {}, "先新建一个人，再新建一个公众号；也可以由商家系统的演示数据自动建好。"),
        h("a", { class: "button primary", href: "/_sandbox/people" }, "去新建人物"));
}

function remove(slug) {
  slots = slots.filter((one) => one !== slug);
  draw();
}

function choose(instead) {
  const field = h("input", { type: "search", placeholder: "按昵称、微信号或标签查找", "aria-label": "查找人物", autocomplete: "off" });
  const list = h("div", { class: "picker-list" });
  const count = h("p", { class: "quiet" });
  const dialog = h("dialog", { class: "dialog picker", "aria-label": "选一个人" },
    h("div", { class: "picker-head" }, h("h2", {}, instead ? "换成谁的手机" : "加谁的手机"),
      h("button", { type: "button", class: "icon-button", "aria-label": "关闭", onclick: () => dialog.close() }, icon("close"))),
    field, count, list);
  const pick = (slug) => {
    if (instead) slots = slots.map((one) => (one === instead ? slug : one));
    else slots.push(slug);
    active = slots.indexOf(slug);
    dialog.close();
    draw();
  };
  const drawList = () => {
    const wanted = field.value.trim().toLowerCase();
    const found = people.filter((one) => !slots.includes(one.slug) && `${one.nickname} ${one.slug} ${one.tags.join(" ")}`.toLowerCase().includes(wanted));
    count.textContent = found.length > SHOWN ? `${found.length} 人，先显示前 ${SHOWN} 人` : `${found.length} 人`;
    list.replaceChildren(...found.slice(0, SHOWN).map((one) =>
      h("button", { type: "button", class: "picker-row", onclick: () => pick(one.slug) }, portrait(one), h("span", {}, h("b", {}, one.nickname), h("small", {}, [one.slug, ...one.tags].join(" · "))))));
  };
  field.addEventListener("input", drawList);
  field.addEventListener("keydown", (event) => event.key === "Enter" && list.querySelector("button")?.click());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  drawList();
  dialog.showModal();
  field.focus();
}

/** Somebody, and somebody of another kind: a shop's manager and a customer, say. */
function firstTwo() {
  const [first] = people;
  const second = people.find((one) => one.tags[0] !== first.tags[0]) ?? people[1];
  return [first, second].filter(Boolean).map((one) => one.slug);
}

async function start() {
  people = await ask("GET", `${API}/people`);
  slots = [...new Set(kept())];
  if (!slots.length && people.length) slots = firstTwo();
  draw();
}

start().catch((error) => notice(error.message, "bad"));
