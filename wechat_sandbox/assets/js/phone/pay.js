// Paying: the sheet with the amount, the password pad of six dots, the page of success.

import { ask, h, icon } from "../dom.js";
import { refresh } from "./state.js";

const DIGITS = 6;

/** ¥12.80 out of 1280 fen. */
export const yuan = (fen) => (fen / 100).toFixed(2);

/** Pay what a scanned code or a link of a browser asks for. */
export async function payContent(content) {
  return pay({ content });
}

/** Pay what a page asks for; answers ok, cancel or fail with a text. */
export async function payPage(page) {
  return pay({ page });
}

async function pay(asked) {
  let sheet;
  try {
    sheet = await ask("POST", "/_phone/api/pay/sheet", asked);
  } catch (error) {
    await message(error.message);
    return { result: "fail", text: error.message };
  }
  const paid = await cashier(sheet);
  if (!paid) return { result: "cancel", text: "" };
  refresh().catch(() => {});
  await success(paid);
  return { result: "ok", text: "" };
}

function host() {
  return document.querySelector(".phone") ?? document.body;
}

/** A box in the middle that only says something. */
function message(text) {
  return new Promise((resolve) => {
    const done = () => { layer.remove(); resolve(); };
    const button = h("button", { type: "button", onclick: done }, "知道了");
    const layer = h("div", { class: "pay-layer pay-middle" },
      h("div", { class: "pay-box", role: "alertdialog", "aria-label": "支付提示" }, h("p", {}, text), button));
    host().append(layer);
    button.focus({ preventScroll: true });
  });
}

/** The sheet; resolves with what was paid, or null when the person closed it. */
function cashier(sheet) {
  return new Promise((resolve) => {
    const first = sheet.methods.find((one) => one.enough) ?? sheet.methods[0];
    const chosen = { bank: first.bank };
    const panel = h("div", { class: "pay-sheet", role: "dialog", "aria-label": "支付" });
    const layer = h("div", { class: "pay-layer" }, panel);
    const close = (paid) => { layer.remove(); resolve(paid); };
    const ui = { sheet, chosen, panel, close };
    layer.addEventListener("keydown", (event) => event.key === "Escape" && close(null));
    host().append(layer);
    drawOrder(ui);
  });
}

function head(ui, sign, label, action, title) {
  return h("header", { class: "pay-head" },
    h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick: action }, icon(sign)),
    h("h2", {}, title), h("span", {}));
}

function amount(ui) {
  return h("div", { class: "pay-amount" }, h("p", {}, ui.sheet.merchant), h("b", {}, h("small", {}, "¥"), yuan(ui.sheet.amount_fen)));
}

function drawOrder(ui) {
  const { sheet, chosen, panel } = ui;
  const method = sheet.methods.find((one) => one.bank === chosen.bank);
  const go = h("button", { type: "button", class: "button primary wide", onclick: () => drawPad(ui) }, "立即支付");
  panel.replaceChildren(
    head(ui, "close", "关闭", () => ui.close(null), "支付"),
    amount(ui),
    h("dl", { class: "pay-facts" },
      h("dt", {}, "商品"), h("dd", {}, sheet.description),
      h("dt", {}, "收款方"), h("dd", {}, sheet.merchant)),
    h("button", { type: "button", class: "pay-method", onclick: () => drawMethods(ui) }, h("span", {}, "付款方式"), h("b", {}, method.name), icon("right")),
    go,
  );
  go.focus({ preventScroll: true });
}

function drawMethods(ui) {
  const { sheet, chosen, panel } = ui;
  panel.replaceChildren(
    head(ui, "back", "返回", () => drawOrder(ui), "选择付款方式"),
    h("div", { class: "pay-methods", role: "radiogroup", "aria-label": "付款方式" }, sheet.methods.map((one) =>
      h("button", { type: "button", role: "radio", "aria-checked": String(one.bank === chosen.bank), onclick: () => { chosen.bank = one.bank; drawOrder(ui); } },
        h("span", {}, h("b", {}, one.name), h("small", {}, one.enough ? `可用 ¥${yuan(one.has_fen)}` : `余额不足（剩余 ¥${yuan(one.has_fen)}）`)),
        one.bank === chosen.bank ? icon("check") : null))),
  );
  panel.querySelector("[aria-checked=true]").focus({ preventScroll: true });
}

function drawPad(ui) {
  const { sheet, chosen, panel } = ui;
  let typed = "";
  let isBusy = false;
  const dots = h("div", { class: "pay-dots", role: "status", "aria-label": "已输入 0 位" }, Array.from({ length: DIGITS }, () => h("i", {})));
  const problem = h("p", { class: "pay-problem", role: "alert" });
  const draw = () => {
    [...dots.children].forEach((dot, place) => dot.classList.toggle("on", place < typed.length));
    dots.setAttribute("aria-label", `已输入 ${typed.length} 位`);
  };
  const finish = async () => {
    isBusy = true;
    try {
      ui.close(await ask("POST", "/_phone/api/pay/confirm", { prepay_id: sheet.prepay_id, bank: chosen.bank, password: typed }));
    } catch (error) {
      typed = "";
      draw();
      problem.textContent = error.message;
      isBusy = false;
    }
  };
  const press = (digit) => {
    if (isBusy || typed.length >= DIGITS) return;
    problem.textContent = "";
    typed += digit;
    draw();
    if (typed.length === DIGITS) finish();
  };
  const erase = () => { typed = typed.slice(0, -1); draw(); };
  const key = (digit) => h("button", { type: "button", onclick: () => press(digit) }, digit);
  const pad = h("div", { class: "pay-pad" }, ["1", "2", "3", "4", "5", "6", "7", "8", "9"].map(key), h("span", {}), key("0"),
    h("button", { type: "button", "aria-label": "删除", onclick: erase }, "⌫"));
  const method = sheet.methods.find((one) => one.bank === chosen.bank);
  panel.replaceChildren(
    head(ui, "back", "返回", () => drawOrder(ui), "请输入支付密码"),
    amount(ui),
    h("button", { type: "button", class: "pay-method", onclick: () => drawMethods(ui) }, h("span", {}, "付款方式"), h("b", {}, method.name), icon("right")),
    dots, problem,
    h("p", { class: "pay-hint" }, `沙箱里的支付密码：${sheet.hint}`),
    pad,
  );
  panel.tabIndex = -1;
  panel.onkeydown = (event) => {
    if (/^\d$/.test(event.key)) press(event.key);
    if (event.key === "Backspace") erase();
  };
  panel.focus({ preventScroll: true });
}

function success(paid) {
  return new Promise((resolve) => {
    const done = () => { layer.remove(); resolve(); };
    const button = h("button", { type: "button", class: "button wide", onclick: done }, "完成");
    const layer = h("section", { class: "pay-success", role: "dialog", "aria-label": "支付成功" },
      h("span", { class: "pay-tick" }, icon("check")),
      h("h2", {}, "支付成功"),
      h("p", {}, paid.merchant),
      h("b", { class: "pay-big" }, h("small", {}, "¥"), yuan(paid.amount_fen)),
      h("p", { class: "quiet" }, paid.method),
      button);
    host().append(layer);
    button.focus({ preventScroll: true });
  });
}

/** What a page may ask WeChat to do about money; answers in WeChat's own words. */
export async function getBrandWCPayRequest(page) {
  const { result, text } = await payPage(page);
  return { err_msg: `get_brand_wcpay_request:${result}`, ...(text ? { err_desc: text } : {}) };
}

/** `wx.chooseWXPay` spells one parameter differently and names its results after itself. */
export async function chooseWXPay(given) {
  const { result, text } = await payPage({ ...given, timeStamp: given.timeStamp ?? given.timestamp });
  return { err_msg: `chooseWXPay:${result}`, errMsg: `chooseWXPay:${result}`, ...(text ? { err_desc: text } : {}) };
}

