// An account's own page, and the search for accounts to follow.

import { ask, emblem, h } from "../dom.js";
import { bar } from "./bar.js";
import { sheet, toast } from "./feedback.js";
import { navigate } from "./nav.js";
import { accountOf, refresh, state } from "./state.js";

const KINDS = { service: "服务号", subscription: "订阅号", subscription_unverified: "订阅号（未认证）", mini: "小程序" };

async function act(appid, what, body, after) {
  try {
    await ask("POST", `/_phone/api/accounts/${appid}/${what}`, body);
    await refresh();
    after?.();
  } catch (error) {
    toast(error.message);
  }
}

/** `content` is the QR code that led here, if any: the follow then carries its scene. */
export function accountView({ appid, content = "" }) {
  const body = h("div", { class: "scroll grey" });
  const element = h("section", { class: "view" }, bar("公众号", {}), body);
  const update = () => {
    const account = accountOf(appid);
    body.replaceChildren(...(account ? page(account) : [h("p", { class: "empty" }, "这个公众号已经不在沙箱里了")]));
  };
  const chat = () => navigate("chat", { appid }, { replace: true });
  const page = (account) => [
    h("div", { class: "account-head" },
      emblem(account),
      h("h2", {}, account.name),
      h("p", { class: "quiet" }, `${KINDS[account.kind]} · ${account.original_id}`),
      account.about ? h("p", {}, account.about) : null,
      account.kind === "mini"
        ? h("button", { type: "button", class: "button primary wide", onclick: () => navigate("mini", { appid }, { replace: true }) }, "打开小程序")
        : account.followed
        ? h("button", { type: "button", class: "button primary wide", onclick: chat }, "发消息")
        : h("button", { type: "button", class: "button primary wide", onclick: () => act(appid, "follow", { content }, chat) }, "关注"),
      account.followed || account.kind === "mini" ? h("button", { type: "button", class: "button wide", onclick: () => settings(account) }, "消息设置") : null,
      account.followed && account.kind !== "mini"
        ? h("button", { type: "button", class: "button wide", onclick: () => leave(account) }, "取消关注")
        : content ? h("p", { class: "quiet" }, "关注后进入公众号，二维码的内容会交给商家。") : null),
  ];
  const settings = async (account) => {
    const found = await ask("GET", `/_phone/api/accounts/${appid}/settings`).catch((error) => toast(error.message));
    if (!found) return;
    sheet(`${account.name} 的消息`, [
      [found.muted ? "接收消息" : "不接收消息", () => act(appid, "mute", { on: !found.muted }, () => toast(found.muted ? "已接收消息" : "不再接收消息"))],
      ...found.notices.map((one) => [`关闭“${one.title}”${one.is_long ? "" : `（还可收 ${one.remaining} 条）`}`, () => act(appid, "withdraw", { template_id: one.id }, () => toast("已关闭")), "danger"]),
    ]);
  };
  const leave = (account) =>
    sheet(`不再关注“${account.name}”后将不再收到它的消息，聊天记录会清空。`, [["不再关注", () => act(appid, "unfollow", {}, () => toast("已取消关注")), "danger"]]);
  update();
  return { element, update };
}

export function searchView() {
  const field = h("input", { class: "field", type: "search", placeholder: "搜索公众号", "aria-label": "搜索公众号", autocomplete: "off" });
  const list = h("div", { class: "list" });
  const element = h("section", { class: "view" }, bar("搜一搜"), h("div", { class: "search-bar" }, field), h("div", { class: "scroll" }, list));
  const update = () => {
    const wanted = field.value.trim().toLowerCase();
    const found = state.accounts.filter((one) => `${one.name} ${one.about} ${one.appid}`.toLowerCase().includes(wanted));
    list.replaceChildren(...(found.length ? found.map(result) : [h("p", { class: "empty quiet" }, state.accounts.length ? "没有找到公众号，换个词试试" : "沙箱里还没有公众号，请在“公众号”页新建")]));
  };
  field.addEventListener("input", update);
  update();
  return { element, update, enter: () => field.focus({ preventScroll: true }) };
}

function result(account) {
  const chat = () => navigate("chat", { appid: account.appid });
  return h(
    "div",
    { class: "row" },
    h("button", { type: "button", class: "row-open", onclick: () => navigate("account", { appid: account.appid }) },
      h("span", { class: "row-tile" }, emblem(account)),
      h("span", { class: "row-main" }, h("span", { class: "row-title" }, account.name), h("span", { class: "row-note" }, account.about || KINDS[account.kind]))),
    account.kind === "mini"
      ? h("button", { type: "button", class: "button small", onclick: () => navigate("mini", { appid: account.appid }) }, "打开")
      : account.followed
      ? h("button", { type: "button", class: "button small", onclick: chat }, "发消息")
      : h("button", { type: "button", class: "button primary small", onclick: () => act(account.appid, "follow", {}, chat) }, "关注"),
  );
}
