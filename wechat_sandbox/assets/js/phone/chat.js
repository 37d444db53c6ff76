// One account's chat: messages, its menu, the input.

import { ask, emblem, h, icon, moment, portrait } from "../dom.js";
import { bar, iconButton } from "./bar.js";
import { toast } from "./feedback.js";
import { navigate } from "./nav.js";
import { accountOf, now, refresh, state } from "./state.js";
import { openUrl } from "./browser.js";

const LINK = /<a\s[^>]*?href=["']([^"']*)["'][^>]*>([\s\S]*?)<\/a>|(https?:\/\/[^\s<>"'，。；！？）】]+)/g;
const GAP_S = 300;

export function chatView({ appid }) {
  const account = accountOf(appid);
  const log = h("div", { class: "log", role: "log", "aria-live": "polite" });
  const scroller = h("div", { class: "scroll grey chat-scroll" }, log);
  const foot = h("footer", { class: "foot" });
  const element = h(
    "section",
    { class: "view" },
    bar(account?.name ?? "公众号", { actions: [iconButton("person", "公众号资料", () => navigate("account", { appid }))] }),
    scroller,
    foot,
  );
  let lastId = -1;
  let menuText = "";
  let typing = false;
  let isGone = false;

  const send = async (text, menuId) => {
    try {
      await ask("POST", `/_phone/api/chats/${appid}/messages`, { text, menu_id: menuId });
      await refresh();
    } catch (error) {
      toast(error.message);
    }
  };

  const drawFoot = (menu) => {
    const text = JSON.stringify([menu, typing]);
    if (text === menuText) return;
    menuText = text;
    foot.replaceChildren(...(menu.length && !typing ? menuBar(appid, menu, toggle) : inputBar(send, menu.length ? toggle : null)));
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
    if (!answer.account.followed) {
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

function inputBar(send, toggle) {
  const field = h("input", { class: "field", type: "text", maxlength: "2000", autocomplete: "off", "aria-label": "输入消息", enterkeyhint: "send" });
  const form = h("form", { class: "input-bar" }, toggle ? iconButton("menu", "公众号菜单", toggle) : null, field, h("button", { class: "button primary small" }, "发送"));
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
    try {
      const { kind, url } = await ask("POST", `/_phone/api/chats/${appid}/menu`, { path });
      if (kind === "view" || (kind === "miniprogram" && url)) openUrl(url);
      else if (kind.startsWith("scancode")) navigate("scan");
      else if (kind !== "click") toast(`沙箱不支持“${button.name}”这种按钮`);
      else await refresh();
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

function bubble(message, account, send) {
  if (message.from === "system") return h("p", { class: "system", "data-kind": message.kind }, message.content);
  if (message.kind === "template") return templateCard(message, account);
  if (message.kind === "news") return h("div", { class: "line" }, newsCard(message));
  const isMine = message.from === "person";
  const body = message.kind === "msgmenu" ? messageMenu(message, send) : h("div", { class: "bubble" }, linked(message.content, send));
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

function newsCard(message) {
  return h("div", { class: "card news" }, message.articles.map((one) =>
    h("button", { type: "button", class: "article", onclick: () => (one.url ? openUrl(one.url) : toast("这篇图文没有链接")) },
      h("b", {}, one.title), one.description ? h("span", {}, one.description) : null)));
}

function templateCard(message, account) {
  const card = h(
    message.url ? "button" : "div",
    { class: "card template", type: message.url ? "button" : null, onclick: message.url ? () => openUrl(message.url) : null },
    h("span", { class: "template-from" }, emblem(account), account.name),
    h("b", {}, message.title),
    h("dl", {}, message.lines.flatMap((one) => [h("dt", {}, one.name), h("dd", {}, one.value)])),
    message.url ? h("span", { class: "template-more" }, "查看详情", icon("right")) : null,
  );
  return h("div", { class: "line wide", "data-id": message.id }, card);
}
