// Third-party platforms of the Open Platform: settings, tickets, the accounts in their hands.

import { ask, beijing, copyText, h, icon } from "../dom.js";
import { API, desk, formDialog, notice } from "./frame.js";

const YES = [["true", "是"], ["false", "否"]];

const main = desk(h("button", { type: "button", class: "button primary", onclick: () => edit(null) }, icon("plus"), "新建平台"));
const count = h("p", { class: "quiet" });
const list = h("div", { class: "accounts" });
main.append(h("div", { class: "page-head" }, h("h1", {}, "开放平台"), count), h("p", { class: "quiet inbox-lead" }, "第三方平台替商家的公众号、小程序收发消息。管理员在手机上扫码授权，授权后消息推送到平台。"), list);

let names = new Map();
const partly = (text) => `${text.slice(0, 4)}••••${text.slice(-4)}`;

function fact(name, value, { isSecret = false } = {}) {
  return [
    h("dt", {}, name),
    h("dd", {}, h("code", {}, value ? (isSecret ? partly(value) : value) : "—"), value
      ? h("button", { type: "button", class: "copy", title: "复制", "aria-label": `复制${name}`, onclick: async () => notice((await copyText(value)) ? `${name}已复制` : "没有复制成功") }, icon("copy"))
      : null),
  ];
}

async function act(component, path, body, done) {
  try {
    const { callback } = await ask("POST", `${API}/components/${component.appid}/${path}`, body);
    const ok = !callback || ["accepted", "replied"].includes(callback.outcome);
    notice(ok ? done : `推送没有成功：${callback.detail || callback.outcome}`, ok ? "" : "bad");
    await load();
  } catch (error) {
    notice(error.message, "bad");
  }
}

function held(component, one) {
  const at = beijing(one.at);
  return h("li", {},
    h("span", {}, h("b", {}, names.get(one.appid) ?? one.appid), h("small", {}, `${one.func_ids.length} 个权限集 · ${at.getUTCMonth() + 1}月${at.getUTCDate()}日授权`)),
    h("button", { type: "button", class: "button", onclick: () => act(component, "revoke", { appid: one.appid }, "已取消授权") }, "取消授权"));
}

function card(component) {
  return h("article", { class: "account" },
    h("header", {}, h("div", {}, h("h2", {}, component.name), h("small", {}, component.is_released ? "已全网发布" : "未发布，只有测试账号可以授权")),
      h("button", { type: "button", class: "button", onclick: () => edit(component) }, "修改")),
    h("dl", {},
      fact("AppID", component.appid), fact("AppSecret", component.secret, { isSecret: true }),
      fact("Token", component.token, { isSecret: true }), fact("EncodingAESKey", component.aes_key, { isSecret: true }),
      fact("授权事件地址", component.event_url), fact("消息与事件地址", component.message_url),
      fact("授权发起页域名", component.login_domains.join(" ")), fact("公众号开发域名", component.account_domains.join(" "))),
    h("ul", { class: "held" }, component.authorisations.length ? component.authorisations.map((one) => held(component, one)) : [h("li", { class: "quiet" }, "还没有账号授权")]),
    h("footer", {}, h("span", { class: "quiet" }, component.sends_tickets ? "每 10 分钟推送一次 ticket" : "ticket 推送已停止"),
      h("button", { type: "button", class: "button", onclick: () => act(component, "ticket", {}, "ticket 已推送") }, "立即推送 ticket")));
}

function edit(component) {
  const words = (text) => text.split(/\s+/).filter(Boolean);
  formDialog(
    component ? `修改 ${component.name}` : "新建第三方平台",
    [
      ["name", "名称", { required: true, maxlength: 64, value: component?.name ?? "" }],
      component ? null : ["appid", "AppID", { required: true, pattern: "wxsb[0-9a-z]{4,28}", value: `wxsb${Math.random().toString(16).slice(2, 14)}` }, "沙箱的 AppID 都以 wxsb 开头"],
      ["event_url", "授权事件地址", { type: "url", value: component?.event_url ?? "", placeholder: "http://127.0.0.1:8000/hooks/…" }, "ticket、授权、取消授权都推送到这里"],
      ["message_url", "消息与事件地址", { value: component?.message_url ?? "", placeholder: "http://127.0.0.1:8000/hooks/…/$APPID$/" }, "必须带 $APPID$，推送时换成公众号的 AppID"],
      ["login_domains", "授权发起页域名", { value: component?.login_domains.join(" ") ?? "127.0.0.1:8000" }, "用空格隔开，带端口；回调地址也要在其中"],
      ["account_domains", "公众号开发域名", { value: component?.account_domains.join(" ") ?? "127.0.0.1:8000" }, "代公众号网页授权、JS-SDK 的域名"],
      ["is_released", "全网发布", { options: YES, value: String(component?.is_released ?? true) }],
      ["sends_tickets", "推送 ticket", { options: YES, value: String(component?.sends_tickets ?? true) }],
    ].filter(Boolean),
    component ? "保存" : "新建",
    async ({ appid, ...values }) => {
      const body = { ...values, login_domains: words(values.login_domains), account_domains: words(values.account_domains), is_released: values.is_released === "true", sends_tickets: values.sends_tickets === "true" };
      await ask("PUT", `${API}/components/${component?.appid ?? appid}`, body);
      notice(component ? "已保存" : "已新建");
      await load();
    },
  );
}

async function load() {
  const [found, accounts] = await Promise.all([ask("GET", `${API}/components`), ask("GET", `${API}/accounts`)]);
  names = new Map(accounts.map((one) => [one.appid, one.name]));
  count.textContent = `${found.length} 个`;
  list.replaceChildren(...(found.length ? found.map(card) : [h("p", { class: "blank" }, "还没有第三方平台。新建一个，把 AppID 和 AppSecret 填到商家系统的平台设置里。")]));
}

load().catch((error) => notice(error.message, "bad"));
