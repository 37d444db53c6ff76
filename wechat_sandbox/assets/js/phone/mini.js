// A mini program on this phone. Its own code is not run: the page it was opened at is named, and
// the calls that matter to its server can be made by hand.

import { ask, copyText, emblem, h, icon } from "../dom.js";
import { bar } from "./bar.js";
import { toast } from "./feedback.js";
import { askForNotices, confirm } from "./layers.js";
import { navigate } from "./nav.js";
import { accountOf } from "./state.js";

export function miniView({ appid, path = "", query = "" }) {
  const account = accountOf(appid);
  const body = h("div", { class: "scroll grey" });
  const element = h("section", { class: "view" }, bar(account?.name ?? "小程序"), body);
  if (!account) {
    body.append(h("p", { class: "empty" }, "沙箱里没有这个小程序"));
    return { element };
  }
  const safely = (work) => async () => {
    try {
      await work();
    } catch (error) {
      toast(error.message);
    }
  };
  const codeOf = async (kind) => {
    const { code } = await ask("POST", `/_phone/api/minis/${appid}/code`, { kind });
    shown.replaceChildren(h("dt", {}, kind === "phone" ? "手机号 code" : "js_code"), h("dd", {}, h("code", {}, code)));
    toast((await copyText(code)) ? "已复制，五分钟内有效，只能用一次" : "五分钟内有效，只能用一次");
  };
  const phone = async () => {
    if (await confirm("小程序想要获取你的手机号", "允许")) await codeOf("phone");
  };
  const shown = h("dl", { class: "facts" });
  const button = (label, work) => h("button", { type: "button", class: "button wide", onclick: safely(work) }, label);
  const draw = async () => {
    const about = await ask("GET", `/_phone/api/minis/${appid}`);
    const subscribe = async () => {
      const choices = await askForNotices(appid, about.templates.slice(0, 3).map((one) => one.id));
      if (choices) toast("已把选择告诉小程序");
    };
    body.replaceChildren(
      h("div", { class: "account-head" }, emblem(account), h("h2", {}, account.name),
        h("p", { class: "quiet" }, "沙箱不运行小程序的代码，只说明打开的是哪一页，并替它取得服务端要用的凭证。"),
        h("dl", { class: "facts" }, h("dt", {}, "页面"), h("dd", {}, h("code", {}, path || about.pages[0])), h("dt", {}, "参数"), h("dd", {}, h("code", {}, query || "—"))),
        button("登录（wx.login）", () => codeOf("login")),
        button("授权手机号（getPhoneNumber）", phone),
        about.templates.length ? button("订阅消息（requestSubscribeMessage）", subscribe) : null,
        button("联系客服", async () => navigate("chat", { appid })),
        shown),
    );
  };
  safely(draw)();
  return { element };
}

/** The list of mini programs, under 发现. */
export function minisView() {
  const list = h("div", { class: "list" });
  const element = h("section", { class: "view" }, bar("小程序"), h("div", { class: "scroll" }, list));
  ask("GET", "/_phone/api/state").then((found) => {
    const minis = found.accounts.filter((one) => one.kind === "mini");
    list.replaceChildren(...(minis.length
      ? minis.map((one) => h("button", { type: "button", class: "row", onclick: () => navigate("mini", { appid: one.appid }) },
          h("span", { class: "row-tile" }, emblem(one)), h("span", { class: "row-main" }, h("span", { class: "row-title" }, one.name), one.about ? h("span", { class: "row-note" }, one.about) : null)))
      : [h("div", { class: "empty" }, icon("compass"), h("p", {}, "沙箱里还没有小程序"))]));
  }).catch((error) => toast(error.message));
  return { element };
}
