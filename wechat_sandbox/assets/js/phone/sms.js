// The phone's text messages.

import { ask, h, icon, moment } from "../dom.js";
import { withCodes } from "../codes.js";
import { bar } from "./bar.js";
import { toast } from "./feedback.js";
import { now, state } from "./state.js";

export function smsView() {
  const list = h("div", { class: "sms-list" });
  const element = h("section", { class: "view" }, bar("短信"), h("div", { class: "scroll grey" }, list));
  let version = -1;
  const update = async () => {
    if (version === state.version) return;
    version = state.version;
    const found = await ask("GET", "/_phone/api/sms");
    list.replaceChildren(
      h("p", { class: "list-title" }, `本机号码 ${state.me.phone.replace("+86", "")}`),
      ...(found.length ? found.map(message) : [h("div", { class: "empty" }, icon("sms"), h("p", {}, "还没有短信"), h("p", { class: "quiet" }, "在商家系统里用这个手机号获取验证码，短信会出现在这里。"))]),
    );
  };
  update().catch((error) => toast(error.message));
  return { element, update: () => update().catch((error) => toast(error.message)) };
}

function message(one) {
  return h("article", { class: "sms", "data-id": one.id }, h("time", {}, moment(one.at, now())), h("p", { class: "bubble" }, withCodes(one.text, toast)));
}
