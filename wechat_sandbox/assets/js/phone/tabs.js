// The four tabs: chats, contacts, discover, me.

import { ask, emblem, h, icon, moment, portrait } from "../dom.js";
import { bar, iconButton } from "./bar.js";
import { sheet, toast } from "./feedback.js";
import { carry, whereabouts } from "./layers.js";
import { navigate } from "./nav.js";
import { now, state } from "./state.js";
import { payRow } from "./wallet.js";
import { friendRow } from "./friends.js";

const LABELS = { image: "图片", voice: "语音", video: "视频", music: "音乐", location: "位置", miniprogram: "小程序" };

/** One line that stands for a message in the chat list. */
export function summary(message) {
  if (!message) return "";
  if (message.kind === "template") return `[服务通知] ${message.title}`;
  if (message.kind === "news") return `[图文] ${message.articles[0].title}`;
  if (LABELS[message.kind]) return `[${LABELS[message.kind]}]${message.title ? ` ${message.title}` : ""}`;
  if (message.kind === "msgmenu") return message.head || message.entries.map((one) => one.content).join(" ");
  return message.content.replace(/<a[^>]*>|<\/a>/g, "").replace(/\s+/g, " ");
}

function tools() {
  return [
    iconButton("search", "搜一搜", () => navigate("search")),
    iconButton("scan", "扫一扫", () => navigate("scan")),
  ];
}

export function chatsView() {
  const title = h("span", {}, "微信");
  const list = h("div", { class: "list" });
  const element = h("section", { class: "view" }, bar(title, { isRoot: true, actions: tools() }), h("div", { class: "scroll" }, list));
  const update = () => {
    const count = [...state.chats, ...state.friends].reduce((sum, chat) => sum + chat.unread, state.pay?.unread ?? 0);
    title.textContent = count ? `微信（${count}）` : "微信";
    list.replaceChildren(...(state.sms_unseen ? [smsRow()] : []), ...(state.notices_unseen ? [noticesRow()] : []), ...chatRows());
  };
  update();
  return { element, update };
}

/** Chats with accounts and the one with 微信支付, the newest first. */
function chatRows() {
  const rows = state.chats.map((chat) => [chat.at, row(chat)]);
  rows.push(...state.friends.map((one) => [one.last.at, friendRow(one)]));
  if (state.pay) rows.push([state.pay.last.at, payRow()]);
  if (!rows.length) return [empty()];
  return rows.sort((one, other) => other[0] - one[0]).map(([, element]) => element);
}

function row(chat) {
  return h(
    "button",
    { type: "button", class: "row", onclick: () => navigate("chat", { appid: chat.appid }) },
    h("span", { class: "row-tile" }, emblem(chat), chat.unread ? h("b", { class: "badge" }, String(chat.unread)) : null),
    h("span", { class: "row-main" }, h("span", { class: "row-title" }, chat.name), h("span", { class: "row-note" }, summary(chat.last) || "已关注")),
    h("time", { class: "row-side" }, moment(chat.at, now(), { short: true })),
  );
}

/** A new text message is announced above the chats, as a phone's own notice would. */
function smsRow() {
  return h(
    "button",
    { type: "button", class: "row sms-row", onclick: () => navigate("sms") },
    h("span", { class: "row-tile" }, h("span", { class: "tile sms-tile" }, icon("sms")), h("b", { class: "badge" }, String(state.sms_unseen))),
    h("span", { class: "row-main" }, h("span", { class: "row-title" }, "短信"), h("span", { class: "row-note" }, "有新的短信，点开查看")),
  );
}

/** Subscription notices of all accounts stand in one chat of their own. */
function noticesRow() {
  return h(
    "button",
    { type: "button", class: "row", onclick: () => navigate("notices") },
    h("span", { class: "row-tile" }, h("span", { class: "tile sms-tile" }, icon("chat")), h("b", { class: "badge" }, String(state.notices_unseen))),
    h("span", { class: "row-main" }, h("span", { class: "row-title" }, "服务通知"), h("span", { class: "row-note" }, "有新的通知，点开查看")),
  );
}

function empty() {
  return h(
    "div",
    { class: "empty" },
    icon("chat"),
    h("p", {}, "还没有关注公众号"),
    h("p", { class: "quiet" }, "扫商家的二维码，或搜一搜公众号，关注后消息会出现在这里。"),
    h("div", { class: "empty-actions" },
      h("button", { type: "button", class: "button primary", onclick: () => navigate("scan") }, "扫一扫"),
      h("button", { type: "button", class: "button", onclick: () => navigate("search") }, "搜一搜")),
  );
}

export function contactsView() {
  const list = h("div", { class: "list" });
  const element = h("section", { class: "view" }, bar("通讯录", { isRoot: true, actions: tools() }), h("div", { class: "scroll" }, list));
  const update = () => {
    const followed = state.accounts.filter((one) => one.followed && one.kind !== "mini");
    list.replaceChildren(
      h("p", { class: "list-title" }, `公众号 · ${followed.length} 个`),
      ...(followed.length
        ? followed.map((one) =>
            h("button", { type: "button", class: "row", onclick: () => navigate("account", { appid: one.appid }) },
              h("span", { class: "row-tile" }, emblem(one)),
              h("span", { class: "row-main" }, h("span", { class: "row-title" }, one.name), one.about ? h("span", { class: "row-note" }, one.about) : null)))
        : [empty()]),
    );
  };
  update();
  return { element, update };
}

function entry(sign, label, note, onclick) {
  return h("button", { type: "button", class: "entry", onclick }, icon(sign), h("span", {}, label), note ? h("small", {}, note) : null, icon("right"));
}

export function discoverView() {
  const element = h(
    "section",
    { class: "view" },
    bar("发现", { isRoot: true }),
    h("div", { class: "scroll grey" },
      h("div", { class: "group" }, entry("scan", "扫一扫", "", () => navigate("scan"))),
      h("div", { class: "group" }, entry("search", "搜一搜", "", () => navigate("search"))),
      h("div", { class: "group" }, entry("compass", "小程序", "", () => navigate("minis")))),
  );
  return { element };
}

export function meView() {
  const { me } = state;
  const smsEntry = () => entry("sms", "短信", state.sms_unseen ? `${state.sms_unseen} 条新短信` : me.phone.replace("+86", ""), () => navigate("sms"));
  const signOut = () =>
    sheet("退出这部手机在网页里的登录？聊天和关注不变。", [
      ["清除网页登录", async () => {
        const { forgotten } = await ask("POST", "/_phone/api/signout");
        toast(forgotten ? "已清除，下次打开网页会重新登录" : "没有需要清除的登录");
      }, "danger"],
    ]);
  const place = entry("compass", "所在位置", whereabouts().name, async () => {
    place.querySelector("small").textContent = (await carry()).name;
  });
  const element = h(
    "section",
    { class: "view" },
    h("div", { class: "scroll grey" },
      h("div", { class: "profile" }, portrait(me), h("div", {}, h("h1", {}, me.nickname), h("p", {}, `微信号：${me.slug}`), me.tags.length ? h("p", {}, me.tags.join(" · ")) : null)),
      h("div", { class: "group" }, entry("wallet", "服务", "钱包与账单", () => navigate("wallet"))),
      h("div", { class: "group" }, smsEntry(), entry("chat", "服务通知", state.notices_unseen ? `${state.notices_unseen} 条新通知` : "", () => navigate("notices"))),
      state.accounts.some((one) => one.admin) ? h("div", { class: "group" }, entry("shop", "公众号助手", "授权管理", () => navigate("care"))) : null,
      h("div", { class: "group" }, place),
      h("div", { class: "group" }, h("div", { class: "entry" }, icon("phone"), h("span", {}, "手机"), h("small", {}, me.platform === "ios" ? "iPhone" : "Android"))),
      h("div", { class: "group" }, entry("close", "清除网页登录状态", "", signOut))),
  );
  return { element };
}
