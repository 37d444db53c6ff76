// Merchants of WeChat Pay: their keys, orders, refunds, notifications, the bill of a day.

import { ask, beijing, copyText, h, icon } from "../dom.js";
import { API, desk, formDialog, notice } from "./frame.js";

const KINDS = { direct: "直连商户", partner: "服务商", sub: "特约商户" };
const STATES = { NOTPAY: "未支付", SUCCESS: "已支付", REFUND: "转入退款", CLOSED: "已关闭" };
const REFUNDS = { PROCESSING: "退款中", SUCCESS: "已退款", ABNORMAL: "退款异常", CLOSED: "退款关闭" };
const NOTICES = { waiting: "等待重发", done: "已接收", given_up: "已放弃", dropped: "已丢弃" };
const EVENTS = { "TRANSACTION.SUCCESS": "支付成功", "REFUND.SUCCESS": "退款成功", "REFUND.ABNORMAL": "退款异常", "REFUND.CLOSED": "退款关闭" };
const WAYS = { jsapi: "JSAPI", native: "扫码", h5: "H5", app: "App" };
const FAULTS = [["duplicate", "重复"], ["drop", "丢弃"], ["forged", "伪造签名"], ["signtest", "签名探测"], ["wrong_amount", "金额不符"]];
const TABS = [["orders", "订单"], ["refunds", "退款"], ["notifications", "通知"], ["bill", "账单"], ["keys", "密钥与设置"]];
const EVERY_MS = 2000;

const main = desk(h("button", { type: "button", class: "button primary", onclick: create }, icon("plus"), "新建商户"));
const chooser = h("select", { class: "merchant-choice", "aria-label": "商户" });
const field = h("input", { type: "search", class: "find", placeholder: "按订单号或商品查找", "aria-label": "查找订单", autocomplete: "off" });
const tabs = h("div", { class: "segments", role: "group", "aria-label": "内容" });
const body = h("div", { class: "merchant-body", "aria-live": "polite" });
main.append(h("div", { class: "page-head" }, h("h1", {}, "商户"), chooser, tabs, field), body);

let merchants = [];
let chosen = new URLSearchParams(location.search).get("mchid") ?? "";
let tab = "orders";
let drawn = "";
let day = "";

const yuan = (fen) => `¥${(fen / 100).toFixed(2)}`;
const two = (number) => String(number).padStart(2, "0");
const time = (seconds) => {
  if (!seconds) return "—";
  const at = beijing(seconds);
  return `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
};
const merchant = () => merchants.find((one) => one.mchid === chosen);
const path = (rest = "") => `${API}/merchants/${chosen}${rest}`;

async function act(work, done) {
  try {
    const answer = await work();
    if (done) notice(typeof done === "function" ? done(answer) : done);
    drawn = "";
    await load();
  } catch (error) {
    notice(error.message, "bad");
  }
}

function table(heads, rows, empty) {
  if (!rows.length) return h("p", { class: "blank" }, empty);
  return h("div", { class: "table-box" }, h("table", { class: "table" },
    h("thead", {}, h("tr", {}, heads.map((one) => h("th", { scope: "col" }, one)))),
    h("tbody", {}, rows)));
}

const cell = (label, ...content) => h("td", { "data-label": label }, ...content);

function orderRow(one) {
  const isOpen = one.trade_state === "NOTPAY";
  return h("tr", {},
    cell("商户单号", h("code", {}, one.out_trade_no), one.sub_mchid ? h("small", {}, one.sub_mchid) : null),
    cell("商品", one.description),
    cell("方式", WAYS[one.way]),
    cell("金额", h("b", {}, yuan(one.amount.total))),
    cell("状态", h("span", { class: `state state-${one.trade_state.toLowerCase()}` }, STATES[one.trade_state])),
    cell("付款人", one.person ?? "—"),
    cell("时间", time(one.paid_at ?? one.created_at)),
    cell("", isOpen ? h("button", { type: "button", class: "button small", onclick: () => pay(one) }, "代付") : null));
}

function refundRow(one) {
  return h("tr", {},
    cell("退款单号", h("code", {}, one.out_refund_no)),
    cell("商户单号", h("code", {}, one.out_trade_no)),
    cell("退款金额", h("b", {}, yuan(one.amount.refund)), h("small", {}, `订单 ${yuan(one.amount.total)}`)),
    cell("状态", h("span", { class: `state state-${one.status.toLowerCase()}` }, REFUNDS[one.status])),
    cell("退回到", one.user_received_account),
    cell("时间", time(Date.parse(one.create_time) / 1000)));
}

function noticeRow(one) {
  return h("tr", {},
    cell("事件", EVENTS[one.event_type] ?? one.event_type),
    cell("单号", h("code", {}, one.subject)),
    cell("通知地址", h("code", {}, one.url)),
    cell("状态", h("span", { class: `state state-${one.state}` }, NOTICES[one.state]), h("small", {}, one.last)),
    cell("次数", String(one.attempts)),
    cell("下次", one.state === "waiting" ? time(one.due_at) : "—"),
    cell("", h("button", { type: "button", class: "button small", onclick: () => act(() => ask("POST", path(`/notifications/${one.id}/resend`)), (answer) => (answer.taken ? "商家已接收" : "商家没有接收")) }, "重新发送")));
}

function secret(name, value, { isLong = false } = {}) {
  const shown = isLong ? value.split("\n")[0] + " …" : value;
  return [h("dt", {}, name), h("dd", {}, h("code", {}, shown),
    h("button", { type: "button", class: "copy", title: "复制", "aria-label": `复制${name}`, onclick: async () => notice((await copyText(value)) ? `${name}已复制` : "没有复制成功") }, icon("copy")))];
}

function keysTab(one) {
  const { settings, policy } = one;
  return [
    h("article", { class: "account" },
      h("header", {}, h("div", {}, h("h2", {}, one.name), h("small", {}, `${KINDS[one.kind]}${one.sp_mchid ? ` · 服务商 ${one.sp_mchid}` : ""}`)),
        h("button", { type: "button", class: "button", onclick: () => edit(one) }, "修改")),
      h("dl", {},
        secret("商户号", one.mchid), secret("AppID", one.appids.join(" ") || "—"), secret("APIv3 密钥", one.api_v3_key),
        secret("证书序列号", one.serial), secret("商户私钥", one.private_key_pem, { isLong: true }), secret("商户证书", one.certificate_pem, { isLong: true }),
        secret("微信支付公钥 ID", one.public_key_id), secret("微信支付公钥", one.public_key_pem, { isLong: true }), secret("APIv2 密钥", one.api_v2_key),
        one.sub_mchids?.length ? secret("特约商户", one.sub_mchids.join(" ")) : null),
      h("footer", {}, h("span", { class: "quiet" }, `退款 ${settings.refund_after_s} 秒后${REFUNDS[settings.refund_outcome]} · 费率 ${settings.fee_rate}`),
        h("button", { type: "button", class: "button", onclick: () => act(() => ask("POST", path("/certificate")), "已换新证书，旧私钥不能再签名") }, "换证书"))),
    h("section", { class: "panel" },
      h("h2", {}, "下一条通知"),
      h("p", { class: "quiet" }, "让商家系统遇到一次真实环境里会发生的事。"),
      h("div", { class: "chips" }, FAULTS.map(([name, label]) =>
        h("button", { type: "button", class: "chip", "aria-pressed": String(Boolean(policy[name])), onclick: () => act(() => ask("PUT", path("/policy"), { ...policy, [name]: policy[name] ? false : 1 })) }, label)),
        h("button", { type: "button", class: "chip", "aria-pressed": String(policy.delay_s > 0), onclick: () => act(() => ask("PUT", path("/policy"), { ...policy, delay_s: policy.delay_s ? 0 : 60 })) }, "迟到 1 分钟"))),
  ];
}

function billTab(text) {
  const pick = h("input", { type: "date", class: "date", value: day, "aria-label": "账单日期", onchange: (event) => { day = event.target.value; drawn = ""; load(); } });
  const lines = text ? text.trim().split("\r\n") : [];
  const split = (line) => line.split(",").map((one) => one.replace(/^`/, ""));
  const heads = lines.length ? split(lines[0]) : [];
  const shown = ["交易时间", "商户订单号", "交易类型", "交易状态", "订单金额", "退款金额", "手续费", "商品名称"];
  const places = shown.map((one) => heads.indexOf(one));
  const rows = lines.slice(1, -2).map(split).map((values) => h("tr", {}, places.map((place, at) => cell(shown[at], values[place]))));
  const totals = lines.length ? split(lines.at(-2)).map((name, at) => [name, split(lines.at(-1))[at]]) : [];
  return [
    h("div", { class: "bill-tools" }, pick,
      h("a", { class: "button", href: `${path("/bill")}?date=${day}`, target: "_blank" }, "交易账单原文"),
      h("a", { class: "button", href: `${path("/bill")}?date=${day}&kind=flow`, target: "_blank" }, "资金账单原文")),
    table(shown, rows, "这一天没有付款或退款。"),
    totals.length ? h("dl", { class: "totals" }, totals.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))) : null,
  ];
}

async function content(one) {
  if (tab === "keys") return keysTab(one);
  if (tab === "bill") {
    const answer = await fetch(`${path("/bill")}?date=${day}`);
    return billTab(answer.ok ? await answer.text() : "");
  }
  const query = tab === "orders" ? `?${new URLSearchParams({ find: field.value.trim() })}` : "";
  const found = await ask("GET", path(`/${tab}${query}`));
  if (tab === "orders") return [table(["商户单号", "商品", "方式", "金额", "状态", "付款人", "时间", ""], found.map(orderRow), "还没有订单。商家系统下单后会出现在这里，用手机扫码就能付款。")];
  if (tab === "refunds") return [table(["退款单号", "商户单号", "退款金额", "状态", "退回到", "时间"], found.map(refundRow), "还没有退款。")];
  return [table(["事件", "单号", "通知地址", "状态", "次数", "下次", ""], found.map(noticeRow), "还没有通知。有人付款或退款到账时，会通知商家系统。")];
}

async function load() {
  merchants = await ask("GET", `${API}/merchants`);
  if (!merchant()) chosen = merchants[0]?.mchid ?? "";
  if (!day) day = new Date((await ask("GET", `${API}/clock`)).now * 1000 + 8 * 3600e3).toISOString().slice(0, 10);
  const one = merchant();
  chooser.hidden = tabs.hidden = !one;
  field.hidden = !one || tab !== "orders";
  const parts = one ? await content(one) : [h("p", { class: "blank" }, "还没有商户。新建一个，把商户号、证书和 APIv3 密钥填到商家系统里。")];
  const made = h("div", {}, ...parts.filter(Boolean));
  const print = `${chosen} ${tab} ${made.innerHTML}`;
  if (print === drawn) return;
  drawn = print;
  chooser.replaceChildren(...merchants.map((each) => h("option", { value: each.mchid, selected: each.mchid === chosen }, `${each.name} · ${each.mchid}`)));
  tabs.replaceChildren(...TABS.map(([value, label]) =>
    h("button", { type: "button", "aria-pressed": String(value === tab), onclick: () => { tab = value; drawn = ""; load().catch(() => {}); } }, label)));
  body.replaceChildren(...made.childNodes);
}

function pay(one) {
  formDialog("代一个人付款", [["person", "微信号", { required: true, placeholder: "lin" }, "用这个人的零钱付，不用打开手机"]], "付款", async ({ person }) => {
    await ask("POST", path(`/orders/${encodeURIComponent(one.out_trade_no)}/pay`), { person, sub_mchid: one.sub_mchid });
    notice("已付款");
    drawn = "";
    await load();
  });
}

function create() {
  const providers = merchants.filter((one) => one.kind === "partner").map((one) => [one.mchid, `在 ${one.name} 下的特约商户`]);
  formDialog("新建商户", [
    ["name", "名称", { required: true, maxlength: 64 }, "付款页和支付凭证上的收款方"],
    ["appids", "AppID", { placeholder: "wxsb…" }, "绑定的公众号或小程序，用空格隔开"],
    ["kind", "类型", { options: [["direct", "直连商户"], ["partner", "服务商"], ...providers], value: "direct" }],
  ], "新建", async ({ name, appids, kind }) => {
    const made = await ask("POST", `${API}/merchants`, {
      name, appids: appids.split(/\s+/).filter(Boolean), partner: kind === "partner", sp_mchid: /^\d+$/.test(kind) ? kind : "",
    });
    chosen = made.mchid;
    tab = "keys";
    drawn = "";
    notice("已新建，密钥在下面");
    await load();
  });
}

function edit(one) {
  const { settings } = one;
  formDialog(`修改 ${one.name}`, [
    ["name", "名称", { required: true, maxlength: 64, value: one.name }],
    ["appids", "AppID", { value: one.appids.join(" ") }, "用空格隔开"],
    ["verify_with", "验证微信签名", { options: [["both", "平台证书或微信支付公钥"], ["public_key", "只用微信支付公钥"]], value: settings.verify_with }],
    ["notify_with", "通知的签名", { options: [["auto", "跟随上一次调用"], ["certificate", "平台证书"], ["public_key", "微信支付公钥"], ["mixed", "两种轮流"]], value: settings.notify_with }],
    ["refund_outcome", "退款结果", { options: Object.entries(REFUNDS).slice(1), value: settings.refund_outcome }],
    ["refund_after_s", "退款需要多少秒", { type: "number", min: 0, value: String(settings.refund_after_s) }, "按沙箱时钟"],
    ["balance_fen", "可退余额（分）", { type: "number", value: settings.balance_fen ?? "" }, "留空则不限"],
    ["refund_notify_url", "退款通知地址", { type: "url", value: settings.refund_notify_url }, "商户平台里的设置：退款时没带 notify_url，就按旧版 XML 通知到这里"],
  ], "保存", async (given) => {
    const { name, appids, refund_after_s: after, balance_fen: balance, ...rest } = given;
    await ask("PUT", path(), {
      name, appids: appids.split(/\s+/).filter(Boolean),
      settings: { ...rest, refund_after_s: Number(after), balance_fen: balance === "" ? null : Number(balance) },
    });
    notice("已保存");
    drawn = "";
    await load();
  });
}

chooser.addEventListener("change", () => { chosen = chooser.value; drawn = ""; load().catch(() => {}); });
let typing = 0;
field.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => load().catch(() => {}), 200);
});
load().catch((error) => notice(error.message, "bad"));
setInterval(() => tab !== "keys" && load().catch(() => {}), EVERY_MS);
