// Accounts in this person's care: which platforms have them, and taking them back.

import { ask, emblem, h } from "../dom.js";
import { bar } from "./bar.js";
import { sheet, toast } from "./feedback.js";
import { refresh } from "./state.js";

export function careView() {
  const list = h("div", {});
  const element = h("section", { class: "view" }, bar("公众号助手"), h("div", { class: "scroll grey" }, list));
  const revoke = (account, platform) =>
    sheet(`取消后，${platform.name} 不能再代 ${account.name} 收发消息和修改设置。`, [
      ["取消授权", async () => {
        try {
          await ask("POST", "/_phone/api/authorisations/revoke", { appid: account.appid, component: platform.appid });
          toast("已取消授权");
          await refresh();
          await update();
        } catch (error) {
          toast(error.message);
        }
      }, "danger"],
    ]);
  const card = (account) =>
    h("section", { class: "group care" },
      h("header", {}, emblem(account), h("b", {}, account.name), h("small", {}, account.kind === "mini" ? "小程序" : "公众号")),
      account.platforms.length
        ? account.platforms.map((one) => h("div", { class: "care-platform" },
            h("div", {}, h("b", {}, one.name), h("small", {}, one.sets.join("、") || "没有权限")),
            h("button", { type: "button", class: "button small", onclick: () => revoke(account, one) }, "取消授权")))
        : h("p", { class: "quiet" }, "没有授权给任何第三方平台"));
  const update = async () => {
    const found = await ask("GET", "/_phone/api/authorisations").catch((error) => { toast(error.message); return []; });
    list.replaceChildren(...(found.length ? found.map(card) : [h("p", { class: "empty" }, "你不是任何公众号或小程序的管理员")]));
  };
  update();
  return { element, update };
}
