// The in-app browser: a frame on this person's own host, which the sandbox forwards to the product.

import { ask, copyText, h } from "../dom.js";
import { iconButton } from "./bar.js";
import { bridge } from "./bridge.js";
import { share } from "./friends.js";
import { shareOf } from "./jssdk.js";
import { sheet, toast } from "./feedback.js";
import { back, navigate, remember } from "./nav.js";
import { payContent } from "./pay.js";
import { scanned } from "./scan.js";
import { state } from "./state.js";
import { touchpad } from "./touchpad.js";

const WATCH_MS = 300;
const PAYMENT = /^weixin:\/\/(wap\/pay|wxpay\/bizpayurl)\?/;
const MINI = /^(https:\/\/mp\.weixin\.qq\.com\/a\/~|https:\/\/wxaurl\.cn\/|weixin:\/\/dl\/business\/|#小程序:)/;
const SCENE = /^https?:\/\/weixin\.qq\.com\/q\//;

/** Open any address: a scene code counts as scanned, foreign pages are only named. */
export async function openUrl(url, options = {}) {
  if (SCENE.test(url) || MINI.test(url)) {
    scanned(url, { replace: false });
    return;
  }
  if (PAYMENT.test(url)) {
    payContent(url);
    return;
  }
  try {
    const { path } = await ask("POST", "/_phone/api/open", { url });
    navigate("browser", { path: path || `/_phone/external?url=${encodeURIComponent(url)}` }, options);
  } catch (error) {
    toast(error.message);
  }
}

export function browserView({ path }) {
  // The frame's own steps: the tab's history belongs to all phones on the page together.
  const steps = [];
  const title = h("h1", { class: "bar-title" }, "");
  const progress = h("div", { class: "progress", hidden: true });
  const frame = h("iframe", { class: "web", title: "网页", src: path, allow: "clipboard-write" });
  const element = h(
    "section",
    { class: "view browser" },
    h("header", { class: "bar" },
      h("div", { class: "bar-side" }, iconButton("close", "关闭网页", back), iconButton("back", "后退", () => goBack())),
      title,
      h("div", { class: "bar-side bar-end" }, iconButton("refresh", "刷新", () => reload()), iconButton("more", "更多", () => more())),
      progress),
    frame,
  );

  const place = () => {
    try {
      const { pathname, search, hash } = frame.contentWindow.location;
      return pathname === "blank" ? "" : pathname + search + hash;
    } catch {
      return "";
    }
  };
  const go = (target) => frame.contentWindow.location.replace(target);
  const reload = () => {
    progress.hidden = false;
    if (place()) frame.contentWindow.location.reload();
    else frame.src = path;
  };
  const goBack = () => {
    steps.pop();
    const target = steps.pop();
    if (target) go(target);
    else back();
  };
  const link = () => state.product + place();
  const more = () =>
    sheet(`网页由 ${new URL(state.product).host} 提供`, [
      ...[shareOf(frame.contentWindow)].filter(Boolean).map((one) => [`发送给朋友：${one.title || "网页"}`, () => share(one)]),
      ["复制链接", async () => toast((await copyText(link())) ? "链接已复制" : "没有复制成功")],
      ["刷新", reload],
      ["五指触屏", () => (place() ? touchpad(frame, element) : toast("网页还没有打开"))],
      ["在新标签页打开", () => window.open(place(), "_blank", "noopener")],
    ]);

  const watch = () => {
    const at = place();
    if (!at) return;
    title.textContent = frame.contentDocument.title || "";
    if (at === steps.at(-1) || at.startsWith("/open.weixin.qq.com/")) return;
    if (at === "/_phone/") {
      back();
      return;
    }
    steps.push(at);
    remember({ path: at });
  };

  frame.addEventListener("load", () => {
    progress.hidden = true;
    watch();
    if (place()) equip(frame, progress);
  });
  progress.hidden = false;
  const timer = setInterval(watch, WATCH_MS);
  return { element, leave: () => clearInterval(timer) };
}

/** What WeChat adds to a page, and how its browser treats links. */
function equip(frame, progress) {
  const view = frame.contentWindow;
  view.addEventListener("beforeunload", () => { progress.hidden = false; });
  bridge(view, back);
  frame.contentDocument.addEventListener(
    "click",
    (event) => {
      const anchor = event.target.closest?.("a[href]");
      if (!anchor || event.defaultPrevented) return;
      if (anchor.target === "_blank") anchor.target = "_self";
      if (/^https?:$/.test(anchor.protocol) && anchor.origin !== location.origin) {
        event.preventDefault();
        openUrl(anchor.href);
      }
    },
    true,
  );
}
