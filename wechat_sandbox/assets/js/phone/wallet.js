// Money on the phone: what 微信支付 tells, the wallet, the list of payments.

import { ask, h, icon, moment } from "../dom.js";
import { bar, iconButton } from "./bar.js";
import { toast } from "./feedback.js";
import { navigate } from "./nav.js";
import { now, state } from "./state.js";
import { yuan } from "./pay.js";

const TITLES = { paid: "支付凭证", refunded: "退款到账通知" };

/** One line for the chat list. */
export function paySummary(last) {
  return last.kind === "paid" ? `已支付 ¥${yuan(last.amount_fen)}` : `退款到账 ¥${yuan(last.amount_fen)}`;
}

/** The row of 微信支付 among the chats. */
export function payRow() {
  const { unread, last } = state.pay;
  return h("button", { type: "button", class: "row", onclick: () => navigate("paychat") },
    h("span", { class: "row-tile" }, h("span", { class: "tile pay-tile", "aria-hidden": "true" }, icon("wallet")), unread ? h("b", { class: "badge" }, String(unread)) : null),
    h("span", { class: "row-main" }, h("span", { class: "row-title" }, "微信支付"), h("span", { class: "row-note" }, paySummary(last))),
    h("time", { class: "row-side" }, moment(last.at, now(), { short: true })));
}

/** A view that asks again whenever the phone's state changed. */
function watched(element, load) {
  let version = -1;
  const update = async () => {
    if (version === state.version) return;
    version = state.version;
    await load().catch((error) => toast(error.message));
  };
  update();
  return { element, update };
}

export function payChatView() {
  const log = h("div", { class: "log", role: "log" });
  const scroller = h("div", { class: "scroll grey" }, log);
  const element = h("section", { class: "view" }, bar("微信支付", { actions: [iconButton("list", "账单", () => navigate("bills"))] }), scroller);
  return watched(element, async () => {
    const found = await ask("GET", "/_phone/api/pay/messages");
    log.replaceChildren(...found.flatMap((one) => [h("time", { class: "stamp" }, moment(one.at, now())), card(one)]));
    scroller.scrollTop = scroller.scrollHeight;
  });
}

function card(one) {
  const facts = one.kind === "paid"
    ? [["收款方", one.merchant], ["商品", one.description], ["付款方式", one.method], ["商户单号", one.out_trade_no]]
    : [["退款方", one.merchant], ["商品", one.description], ["退回到", one.method], ["订单金额", `¥${yuan(one.total_fen)}`]];
  return h("button", { type: "button", class: "card pay-card", "data-kind": one.kind, onclick: () => navigate("bills") },
    h("b", {}, TITLES[one.kind]),
    h("span", { class: "pay-card-sum" }, one.kind === "paid" ? "付款金额" : "退款金额", h("b", {}, `¥${yuan(one.amount_fen)}`)),
    h("dl", {}, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("span", { class: "template-more" }, "查看账单详情", icon("right")));
}

export function walletView() {
  const body = h("div", { class: "scroll grey" });
  const element = h("section", { class: "view" }, bar("服务"), body);
  return watched(element, async () => {
    const found = await ask("GET", "/_phone/api/pay/bills");
    body.replaceChildren(
      h("div", { class: "wallet" },
        h("div", {}, h("span", {}, "零钱"), h("b", {}, `¥${yuan(found.change_fen)}`)),
        h("div", {}, h("span", {}, found.card), h("b", {}, `¥${yuan(found.card_fen)}`))),
      h("div", { class: "group" },
        h("button", { type: "button", class: "entry", onclick: () => navigate("scan") }, icon("scan"), h("span", {}, "扫码付款"), icon("right")),
        h("button", { type: "button", class: "entry", onclick: () => navigate("bills") }, icon("list"), h("span", {}, "账单"), h("small", {}, found.payments.length ? `${found.payments.length} 笔` : ""), icon("right"))));
  });
}

export function billsView() {
  const list = h("div", { class: "list" });
  const element = h("section", { class: "view" }, bar("账单"), h("div", { class: "scroll" }, list));
  return watched(element, async () => {
    const { payments } = await ask("GET", "/_phone/api/pay/bills");
    list.replaceChildren(...(payments.length ? payments.map(row) : [h("div", { class: "empty" }, icon("wallet"), h("p", {}, "还没有付款记录"), h("p", { class: "quiet" }, "扫商家的收款码，或在商家的网页里付款后，会出现在这里。"))]));
  });
}

function row(one) {
  const back = one.refunded_fen
    ? (one.refunded_fen === one.amount_fen ? "已全额退款" : `已退款 ¥${yuan(one.refunded_fen)}`)
    : one.refunding_fen ? `退款中 ¥${yuan(one.refunding_fen)}` : "";
  return h("details", { class: "bill" },
    h("summary", {},
      h("span", { class: "row-main" }, h("span", { class: "row-title" }, one.merchant), h("span", { class: "row-note" }, moment(one.paid_at, now()))),
      h("span", { class: "bill-sum" }, h("b", {}, `-${yuan(one.amount_fen)}`), back ? h("small", {}, back) : null)),
    h("dl", {}, [["商品", one.description], ["付款方式", one.method], ["交易单号", one.transaction_id], ["商户单号", one.out_trade_no]]
      .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}
