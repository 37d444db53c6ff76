// All official accounts of the sandbox and their settings.

import { ask, copyText, emblem, h, icon } from "../dom.js";
import { API, desk, formDialog, notice } from "./frame.js";
import { templatesPart } from "./templates.js";

const KINDS = [["service", "服务号"], ["subscription", "订阅号"], ["subscription_unverified", "订阅号（未认证）"], ["mini", "小程序"]];
const MODES = [["safe", "安全模式"], ["compatible", "兼容模式"], ["plain", "明文模式"]];

const main = desk(h("button", { type: "button", class: "button primary", onclick: () => edit(null) }, icon("plus"), "新建公众号"));
const count = h("p", { class: "quiet" });
const list = h("div", { class: "accounts" });
main.append(h("div", { class: "page-head" }, h("h1", {}, "公众号"), count), list);

const label = (pairs, value) => pairs.find(([key]) => key === value)?.[1] ?? value;
const partly = (text) => `${text.slice(0, 4)}••••${text.slice(-4)}`;

function fact(name, value, { isSecret = false } = {}) {
  const shown = value ? (isSecret ? partly(value) : value) : "—";
  return [
    h("dt", {}, name),
    h("dd", {}, h("code", {}, shown), value
      ? h("button", { type: "button", class: "copy", title: "复制", "aria-label": `复制${name}`, onclick: async () => notice((await copyText(value)) ? `${name}已复制` : "没有复制成功") }, icon("copy"))
      : null),
  ];
}

function card(account) {
  const check = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    const { ok, problem } = await ask("POST", `${API}/accounts/${account.appid}/check`).catch((error) => ({ ok: false, problem: error.message }));
    button.disabled = false;
    notice(ok ? "回调地址通过检查" : problem, ok ? "" : "bad");
  };
  return h("article", { class: "account" },
    h("header", {}, emblem(account), h("div", {}, h("h2", {}, account.name), h("small", {}, `${label(KINDS, account.kind)} · ${account.followers} 人关注`)),
      h("button", { type: "button", class: "button", onclick: () => edit(account) }, "修改")),
    h("dl", {},
      fact("AppID", account.appid), fact("AppSecret", account.secret, { isSecret: true }), fact("原始 ID", account.original_id),
      fact("Token", account.token, { isSecret: true }), fact("EncodingAESKey", account.aes_key, { isSecret: true }),
      fact("回调地址", account.callback_url), fact("加密方式", label(MODES, account.encrypt_mode)), fact("网页授权域名", account.oauth_domains.join(" ")), fact("JS 接口安全域名", account.js_domains.join(" ")), fact("管理员", account.admin ?? "任何人")),
    account.kind === "mini" ? null : templatesPart(account, load),
    h("footer", {}, h("span", { class: "quiet" }, account.menu.length ? `菜单：${account.menu.map((one) => one.name).join("、")}` : "没有菜单"),
      account.callback_url ? h("button", { type: "button", class: "button", onclick: check }, "检查回调地址") : null));
}

function edit(account) {
  const domain = account?.oauth_domains.join(" ") ?? "127.0.0.1:8000";
  formDialog(
    account ? `修改 ${account.name}` : "新建公众号",
    [
      ["name", "名称", { required: true, maxlength: 64, value: account?.name ?? "" }],
      account ? null : ["appid", "AppID", { required: true, pattern: "wxsb[0-9a-z]{4,28}", value: `wxsb${Math.random().toString(16).slice(2, 14)}` }, "沙箱的 AppID 都以 wxsb 开头"],
      ["kind", "类型", { options: KINDS, value: account?.kind ?? "service" }],
      ["about", "介绍", { maxlength: 200, value: account?.about ?? "" }],
      ["callback_url", "回调地址", { type: "url", value: account?.callback_url ?? "", placeholder: "http://127.0.0.1:8000/hooks/…" }],
      ["encrypt_mode", "加密方式", { options: MODES, value: account?.encrypt_mode ?? "safe" }],
      ["oauth_domains", "网页授权域名", { value: domain }, "用空格隔开，带端口"],
      ["js_domains", "JS 接口安全域名", { value: account?.js_domains.join(" ") ?? "127.0.0.1:8000" }, "用空格隔开，带端口"],
      ["admin", "管理员", { value: account?.admin ?? "", placeholder: "lin-xiaoman" }, "微信号；留空则任何人都可以为它授权"],
      ["linked", "关联的小程序", { value: account?.linked.join(" ") ?? "" }, "AppID，用空格隔开"],
      ["welcome", "关注后自动回复", { isLong: true, maxlength: 2000, value: account?.welcome ?? "" }, "留空则不回复"],
    ].filter(Boolean),
    account ? "保存" : "新建",
    async ({ appid, ...values }) => {
      const body = { ...values, welcome: values.welcome || null, admin: values.admin || null };
      for (const name of ["oauth_domains", "js_domains", "linked"]) body[name] = values[name].split(/\s+/).filter(Boolean);
      await ask("PUT", `${API}/accounts/${account?.appid ?? appid}`, body);
      notice(account ? "已保存" : "已新建");
      await load();
    },
  );
}

async function load() {
  const found = await ask("GET", `${API}/accounts`);
  count.textContent = `${found.length} 个`;
  list.replaceChildren(...(found.length ? found.map(card) : [h("p", { class: "blank" }, "还没有公众号。新建一个，把 AppID 和 AppSecret 填到商家系统里。")]));
}

load().catch((error) => notice(error.message, "bad"));
