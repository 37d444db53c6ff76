// The phone: a stack of views over the state the sandbox holds.

import { beijing, h, icon } from "../dom.js";
import { now, startPolling, state, subscribe } from "./state.js";
import { current, navigate, onNavigate, restore } from "./nav.js";
import { toast } from "./feedback.js";
import { chatsView, contactsView, discoverView, meView } from "./tabs.js";
import { chatView } from "./chat.js";
import { accountView, searchView } from "./accounts.js";
import { scanView } from "./scan.js";
import { smsView } from "./sms.js";
import { billsView, payChatView, walletView } from "./wallet.js";
import { browserView, openUrl } from "./browser.js";
import { noticesView } from "./notices.js";
import { miniView, minisView } from "./mini.js";
import { careView } from "./care.js";
import { friendView } from "./friends.js";
import "./jssdk.js";

const VIEWS = {
  chats: chatsView,
  contacts: contactsView,
  discover: discoverView,
  me: meView,
  chat: chatView,
  account: accountView,
  search: searchView,
  scan: scanView,
  sms: smsView,
  paychat: payChatView,
  wallet: walletView,
  bills: billsView,
  browser: browserView,
  notices: noticesView,
  mini: miniView,
  minis: minisView,
  care: careView,
  friend: friendView,
};

const TABS = [
  ["chats", "微信", "chat"],
  ["contacts", "通讯录", "people"],
  ["discover", "发现", "compass"],
  ["me", "我", "person"],
];

const clock = h("span", { class: "status-time" });
const screen = h("main", { class: "screen" });
const tabbar = h("nav", { class: "tabbar", "aria-label": "主导航" });
const phone = h(
  "div",
  { class: "phone" },
  h("div", { class: "status", "aria-hidden": "true" }, clock, h("span", { class: "status-signs" }, "5G", h("i", { class: "battery" }))),
  screen,
  tabbar,
);
document.getElementById("app").append(phone);

let shown = null;

function unread() {
  return [...state.chats, ...state.friends].reduce((sum, chat) => sum + chat.unread, state.pay?.unread ?? 0);
}

function drawTabs(name) {
  const isTab = TABS.some(([tab]) => tab === name);
  tabbar.hidden = !isTab;
  if (!isTab) return;
  tabbar.replaceChildren(
    ...TABS.map(([tab, label, sign]) => {
      const count = tab === "chats" ? unread() : tab === "me" ? state.sms_unseen : 0;
      return h(
        "button",
        { type: "button", class: "tab", "aria-current": tab === name ? "page" : null, onclick: () => navigate(tab, {}, { reset: true }) },
        h("span", { class: "tab-sign" }, icon(sign), count ? h("b", { class: "badge" }, String(count)) : null),
        label,
      );
    }),
  );
}

function show() {
  const { name, params } = current();
  shown?.leave?.();
  shown = VIEWS[name](params);
  phone.dataset.view = name;
  screen.replaceChildren(shown.element);
  shown.enter?.();
  drawTabs(name);
}

function tick() {
  const at = beijing(now());
  clock.textContent = `${at.getUTCHours()}:${String(at.getUTCMinutes()).padStart(2, "0")}`;
}

async function start() {
  await startPolling();
  document.title = `${state.me.nickname} 的手机 · 微信沙箱`;
  const wish = new URLSearchParams(location.search);
  restore();
  onNavigate(show);
  show();
  subscribe(() => {
    shown.update?.();
    drawTabs(current().name);
  });
  tick();
  setInterval(tick, 5000);
  if (wish.get("open")) {
    history.replaceState(null, "", "/_phone/");
    openUrl(wish.get("open"));
  }
}

start().catch((error) => toast(error.message));
