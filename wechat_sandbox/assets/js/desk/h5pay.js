// The H5 cashier in an ordinary browser: whose WeChat is to pay?

import { ask, h, portrait } from "../dom.js";
import { API, notice } from "./frame.js";

const SHOWN = 30;
const app = document.getElementById("app");
const { link, back, problem, merchant, amount, description } = app.dataset;

const field = h("input", { type: "search", placeholder: "按昵称或微信号查找", "aria-label": "查找人物", autocomplete: "off" });
const list = h("div", { class: "picker-list" });
let people = [];

function draw() {
  const wanted = field.value.trim().toLowerCase();
  const found = people.filter((one) => `${one.nickname} ${one.slug}`.toLowerCase().includes(wanted)).slice(0, SHOWN);
  list.replaceChildren(...(found.length ? found.map((one) =>
    h("a", { class: "picker-row", href: `${one.phone_url}?open=${encodeURIComponent(link)}`, target: "_blank", rel: "noopener" },
      portrait(one), h("span", {}, h("b", {}, one.nickname), h("small", {}, one.slug)))) : [h("p", { class: "quiet" }, people.length ? "没有找到，换个词试试" : "沙箱里还没有人，请先新建人物")]));
}

const backButton = back ? h("a", { class: "button primary", href: back }, problem ? "返回商家" : "已完成支付，返回商家") : null;

async function start() {
  if (problem) {
    app.append(h("main", { class: "h5pay" }, h("h1", {}, problem), backButton));
    return;
  }
  people = await ask("GET", `${API}/people`);
  app.append(h("main", { class: "h5pay" },
    h("p", { class: "quiet" }, merchant),
    h("h1", {}, `¥${amount}`),
    h("p", {}, description),
    h("h2", {}, "用谁的微信付款"),
    h("p", { class: "quiet" }, "真实的手机会直接打开微信。这里选一个人，他的手机会弹出付款页。"),
    field, list, backButton));
  field.addEventListener("input", draw);
  draw();
}

start().catch((error) => notice(error.message, "bad"));
