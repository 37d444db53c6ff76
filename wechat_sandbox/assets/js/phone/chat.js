// One account's chat: messages, its menu, the input.

import { ask, emblem, h, icon, moment, portrait } from "../dom.js";
import { bar, iconButton } from "./bar.js";
import { sheet, toast } from "./feedback.js";
import { navigate } from "./nav.js";
import { accountOf, now, refresh, state } from "./state.js";
import { openUrl } from "./browser.js";
import { pickPicture, pickPlace, pickScan, showPicture } from "./layers.js";
import { jumpOf } from "./notices.js";

const LINK = /<a\s[^>]*?href=["']([^"']*)["'][^>]*>([\s\S]*?)<\/a>|(https?:\/\/[^\s<>"'，。；！？）】]+)/g;
const GAP_S = 300;

export function chatView({ appid }) {
  const account = accountOf(appid);
  const title = h("span", {}, account?.name ?? "公众号");
  const log = h("div", { class: "log", role: "log", "aria-live": "polite" });
  const scroller = h("div", { class: "scroll grey chat-scroll" }, log);
  const foot = h("footer", { class: "foot" });
  const element = h(
    "section",
    { class: "view" },
    bar(title, { actions: [iconButton("person", "公众号资料", () => navigate("account", { appid }))] }),
    scroller,
    foot,
  );
  ask("POST", `/_phone/api/chats/${appid}/enter`, {}).catch(() => {});
  let lastId = -1;
  let menuText = "";
  let typing = false;
  let isGone = false;

  const send = (text, menuId) => sendAny({ text, menu_id: menuId });
  const sendAny = async (body) => {
    try {
      await ask("POST", `/_phone/api/chats/${appid}/messages`, body);
      await refresh();
      await update();
    } catch (error) {
      toast(error.message);
    }
  };

  const drawFoot = (menu) => {
    const text = JSON.stringify([menu, typing]);
    if (text === menuText) return;
    menuText = text;
    foot.replaceChildren(...(menu.length && !typing ? menuBar(appid, menu, toggle) : inputBar(send, sendAny, menu.length ? toggle : null)));
    if (typing) foot.querySelector("input").focus();
  };
  let menu = [];
  const toggle = () => {
    typing = !typing;
    drawFoot(menu);
  };

  const update = async () => {
    const answer = await ask("GET", `/_phone/api/chats/${appid}?seen=1`).catch((error) => toast(error.message));
    if (!answer || isGone) return;
    title.textContent = answer.typing ? "对方正在输入…" : account?.name ?? "公众号";
    if (!answer.account.followed && answer.account.kind !== "mini") {
      navigate("account", { appid }, { replace: true });
      return;
    }
    menu = answer.menu;
    drawFoot(menu);
    const newest = answer.messages.at(-1)?.id ?? 0;
    if (newest === lastId) return;
    const first = lastId < 0;
    const fresh = lastId;
    lastId = newest;
    let before = 0;
    log.replaceChildren(
      ...answer.messages.flatMap((message) => {
        const parts = [];
        if (message.at - before > GAP_S) parts.push(h("time", { class: "stamp" }, moment(message.at, now())));
        before = message.at;
        const line = bubble(message, answer.account, send);
        if (!first && message.id > fresh) line.classList.add("fresh");
        parts.push(line);
        return parts;
      }),
    );
    scroller.scrollTop = scroller.scrollHeight;
  };

  return { element, update, enter: update, leave: () => { isGone = true; closeMenus(); } };
}

/** Pictures, voice and places, beside the input. */
async function sendMore(sendAny) {
  sheet("发送", [
    ["图片", async () => { const data = await pickPicture(); if (data) sendAny({ kind: "image", data }); }],
    ["语音", () => sendAny({ kind: "voice" })],
    ["位置", async () => { const place = await pickPlace(); if (place) sendAny({ kind: "location", ...place }); }],
  ]);
}

function inputBar(send, sendAny, toggle) {
  const field = h("input", { class: "field", type: "text", maxlength: "2000", autocomplete: "off", "aria-label": "输入消息", enterkeyhint: "send" });
  const form = h("form", { class: "input-bar" }, toggle ? iconButton("menu", "公众号菜单", toggle) : null, field, iconButton("plus", "更多", () => sendMore(sendAny)), h("button", { class: "button primary small" }, "发送"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    send(text);
  });
  return [form];
}

function closeMenus() {
  document.querySelectorAll(".popup-menu").forEach((one) => one.remove());
}

function menuBar(appid, menu, toggle) {
  const tap = async (button, path) => {
    closeMenus();
    const done = await doneBy(button);
    if (done === null) return;
    try {
      const { kind, url, appid: mini, pagepath } = await ask("POST", `/_phone/api/chats/${appid}/menu`, { path, ...done });
      if (kind === "view") openUrl(url);
      else if (kind === "miniprogram") {
        const [page, query = ""] = pagepath.split("?");
        navigate("mini", { appid: mini, path: page, query });
      } else if (kind === "scancode_push" && /^https?:/.test(done.scan)) openUrl(done.scan);
      else if (kind.includes("article")) toast("这是一篇公众号文章，沙箱没有文章");
      else if (kind === "scancode_waitmsg") toast("消息接收中");
      await refresh();
    } catch (error) {
      toast(error.message);
    }
  };
  const buttons = menu.map((button, place) => {
    const below = button.sub_button ?? [];
    const cell = h("div", { class: "menu-cell" });
    const open = () => {
      const was = cell.querySelector(".popup-menu");
      closeMenus();
      if (was) return;
      cell.append(h("div", { class: "popup-menu", role: "menu" }, below.map((one, inner) =>
        h("button", { type: "button", role: "menuitem", onclick: () => tap(one, [place, inner]) }, one.name))));
    };
    cell.append(h("button", { type: "button", class: "menu-button", "aria-haspopup": below.length ? "menu" : null, onclick: below.length ? open : () => tap(button, [place]) },
      below.length ? icon("list") : null, button.name));
    return cell;
  });
  return [h("div", { class: "menu-bar" }, iconButton("keyboard", "切换到输入框", toggle), buttons)];
}

/** What the person does after tapping a button: scan, take a picture, choose a place; null: gave up. */
async function doneBy(button) {
  if (button.type.startsWith("scancode")) {
    const scan = await pickScan();
    return scan === null ? null : { scan };
  }
  if (button.type.startsWith("pic_")) {
    const picture = await pickPicture();
    return picture === null ? null : { pictures: [picture] };
  }
  if (button.type === "location_select") {
    const place = await pickPlace();
    return place === null ? null : { place };
  }
  return {};
}

const fileOf = (message) => `/mp.weixin.qq.com/media/${message.media_id}`;

/** What stands in a bubble, by the kind of message. */
const BODIES = {
  image: (message) => h("button", { type: "button", class: "picture", "aria-label": "看图片", onclick: () => showPicture(fileOf(message)) }, h("img", { src: fileOf(message), alt: "图片", loading: "lazy" })),
  voice: () => h("div", { class: "bubble" }, "🔊 语音"),
  video: (message) => h("div", { class: "bubble" }, `🎬 ${message.title || "视频"}`),
  music: (message) => h("div", { class: "bubble" }, `🎵 ${message.title || "音乐"}`),
  location: (message) => h("div", { class: "bubble" }, `📍 ${message.label || "位置"}`),
  miniprogram: (message) => {
    const [path, query = ""] = message.path.split("?");
    return h("button", { type: "button", class: "card article", onclick: () => navigate("mini", { appid: message.appid, path, query }) }, h("b", {}, message.title || "小程序"), h("span", {}, "小程序"));
  },
};

function bubble(message, account, send) {
  if (message.from === "system") return h("p", { class: "system", "data-kind": message.kind }, message.content);
  if (message.kind === "template") return templateCard(message, account);
  if (message.kind === "news") return h("div", { class: "line" }, newsCard(message));
  const isMine = message.from === "person";
  const body = BODIES[message.kind] ? BODIES[message.kind](message) : message.kind === "msgmenu" ? messageMenu(message, send) : h("div", { class: "bubble" }, linked(message.content, send));
  return h("div", { class: `line ${isMine ? "mine" : ""}`, "data-id": message.id }, isMine ? portrait(state.me) : emblem(account), body);
}

/** Text with its links; anything else in it stays plain text. */
function linked(text, send) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    parts.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const url = found[1] ?? found[3];
    parts.push(h("a", { href: url.startsWith("http") ? url : "#", onclick: (event) => { event.preventDefault(); follow(url, found[2] ?? "", send); } }, found[2] ?? url));
  }
  parts.push(text.slice(at));
  return parts;
}

function follow(url, label, send) {
  const menu = /^weixin:\/\/bizmsgmenu\?(.*)$/.exec(url.replaceAll("&amp;", "&"));
  if (!menu) {
    openUrl(url.replaceAll("&amp;", "&"));
    return;
  }
  const values = new URLSearchParams(menu[1]);
  send(values.get("msgmenucontent") || label, values.get("msgmenuid") ?? "");
}

function messageMenu(message, send) {
  return h(
    "div",
    { class: "bubble" },
    message.head ? h("p", {}, message.head) : null,
    message.entries.map((one) => h("button", { type: "button", class: "link", onclick: () => send(one.content, one.id) }, one.content)),
    message.tail ? h("p", {}, message.tail) : null,
  );
}

/** Where on this phone a picture of the product or of WeChat is; others are not fetched. */
export function pictureAt(url) {
  const played = /^https?:\/\/[^/]+(\/(?:mp\.weixin|wx\.qlogo)\.(?:qq\.com|cn)\/.*)$/.exec(url ?? "");
  if (played) return played[1];
  return url?.startsWith(`${state.product}/`) ? url.slice(state.product.length) : "";
}

function newsCard(message) {
  return h("div", { class: "card news" }, message.articles.map((one) =>
    h("button", { type: "button", class: "article", onclick: () => (one.url ? openUrl(one.url) : toast("这篇图文没有链接")) },
      pictureAt(one.picurl) ? h("img", { class: "article-picture", src: pictureAt(one.picurl), alt: "", loading: "lazy" }) : null,
      h("b", {}, one.title), one.description ? h("span", {}, one.description) : null)));
}

function templateCard(message, account) {
  const jump = jumpOf(message);
  const card = h(
    jump ? "button" : "div",
    { class: "card template", type: jump ? "button" : null, onclick: jump },
    h("span", { class: "template-from" }, emblem(account), account.name),
    h("b", {}, message.title),
    h("dl", {}, message.lines.flatMap((one) => [h("dt", {}, one.name), h("dd", {}, one.value)])),
    jump ? h("span", { class: "template-more" }, message.mini ? "进入小程序查看" : "查看详情", icon("right")) : null,
  );
  return h("div", { class: "line wide", "data-id": message.id }, card);
}
