// Chats with friends: pages that were sent on, and whom one can be sent to.

import { ask, h, moment, portrait } from "../dom.js";
import { bar } from "./bar.js";
import { openUrl } from "./browser.js";
import { pictureAt } from "./chat.js";
import { toast } from "./feedback.js";
import { layer, head } from "./layers.js";
import { navigate } from "./nav.js";
import { now, state } from "./state.js";

/** The row of a friend among the chats. */
export function friendRow(friend) {
  return h("button", { type: "button", class: "row", onclick: () => navigate("friend", { slug: friend.slug }) },
    h("span", { class: "row-tile" }, portrait(friend), friend.unread ? h("b", { class: "badge" }, String(friend.unread)) : null),
    h("span", { class: "row-main" }, h("span", { class: "row-title" }, friend.nickname), h("span", { class: "row-note" }, `[链接] ${friend.last.title}`)),
    h("time", { class: "row-side" }, moment(friend.last.at, now(), { short: true })));
}

export function friendView({ slug }) {
  const title = h("span", {}, "");
  const log = h("div", { class: "log", role: "log" });
  const scroller = h("div", { class: "scroll grey" }, log);
  const element = h("section", { class: "view" }, bar(title), scroller);
  let version = -1;
  const update = async () => {
    if (version === state.version) return;
    version = state.version;
    const found = await ask("GET", `/_phone/api/friends/${slug}`).catch((error) => toast(error.message));
    if (!found) return;
    title.textContent = found.friend.nickname;
    log.replaceChildren(...found.pages.flatMap((one) => [h("time", { class: "stamp" }, moment(one.at, now())), line(one, found.friend)]));
    scroller.scrollTop = scroller.scrollHeight;
  };
  update();
  return { element, update };
}

function line(one, friend) {
  const picture = pictureAt(one.picture);
  return h("div", { class: `line ${one.mine ? "mine" : ""}`, "data-id": one.id }, portrait(one.mine ? state.me : friend),
    h("button", { type: "button", class: "card article shared", onclick: () => openUrl(one.link) },
      h("b", {}, one.title || one.link),
      h("span", { class: "shared-body" }, h("span", {}, one.about || new URL(one.link).host), picture ? h("img", { src: picture, alt: "", width: "48", height: "48" }) : null)));
}

/** Choose a friend and send the page; `found` is what the page gave for sharing. */
export async function share(found) {
  const everybody = await ask("GET", "/_phone/api/friends").catch((error) => toast(error.message));
  if (!everybody) return;
  const slug = await layer("choose", "发送给朋友", (close) => [
    head("发送给朋友", close),
    h("div", { class: "scroll" }, h("div", { class: "list" }, everybody.map((one) =>
      h("button", { type: "button", class: "row", onclick: () => close(one.slug) }, h("span", { class: "row-tile" }, portrait(one)), h("span", { class: "row-main" }, h("span", { class: "row-title" }, one.nickname)))))),
  ]);
  if (!slug) return;
  try {
    await ask("POST", `/_phone/api/friends/${slug}`, { title: found.title, about: found.desc, link: found.link, picture: found.imgUrl });
    toast("已发送");
  } catch (error) {
    toast(error.message);
  }
}
