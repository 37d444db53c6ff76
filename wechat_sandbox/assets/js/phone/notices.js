// The chat 服务通知: subscription notices of all accounts.

import { ask, emblem, h, icon, moment } from "../dom.js";
import { bar } from "./bar.js";
import { openUrl } from "./browser.js";
import { toast } from "./feedback.js";
import { navigate } from "./nav.js";
import { now, state } from "./state.js";

export function noticesView() {
  const list = h("div", { class: "log" });
  const scroller = h("div", { class: "scroll grey" }, list);
  const element = h("section", { class: "view" }, bar("服务通知"), scroller);
  let version = -1;
  const update = async () => {
    if (version === state.version) return;
    version = state.version;
    const found = await ask("GET", "/_phone/api/notices");
    list.replaceChildren(...(found.length ? found.flatMap((one) => [h("time", { class: "stamp" }, moment(one.at, now())), noticeCard(one)]) : [h("div", { class: "empty" }, icon("chat"), h("p", {}, "还没有服务通知"))]));
    scroller.scrollTop = scroller.scrollHeight;
  };
  const safely = () => update().catch((error) => toast(error.message));
  safely();
  return { element, update: safely };
}

/** Where a notice or a template message leads: the mini program wins over the page. */
export function jumpOf(message) {
  if (message.mini) {
    const [path, query = ""] = (message.mini.pagepath ?? "").split("?");
    return () => navigate("mini", { appid: message.mini.appid, path, query });
  }
  return message.url ? () => openUrl(message.url) : null;
}

function noticeCard(message) {
  const jump = jumpOf(message);
  return h("div", { class: "line wide", "data-id": message.id },
    h(jump ? "button" : "div", { class: "card template", type: jump ? "button" : null, onclick: jump },
      h("span", { class: "template-from" }, emblem(message), message.name),
      h("b", {}, message.title),
      h("dl", {}, message.lines.flatMap((one) => (one.name ? [h("dt", {}, one.name), h("dd", {}, one.value)] : [h("dd", { class: "whole" }, one.value)]))),
      jump ? h("span", { class: "template-more" }, message.mini ? "进入小程序查看" : "查看详情", icon("right")) : null));
}
