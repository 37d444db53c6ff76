// JS-SDK for pages inside the sandbox's phone: the calls a page makes, handed to the phone.
// The sandbox's own; it answers as WeChat's script does, for what the phone can do.

(function () {
  const METHODS = [
    "scanQRCode", "chooseImage", "previewImage", "uploadImage", "downloadImage", "getLocalImgData",
    "getLocation", "openLocation", "getNetworkType", "closeWindow", "hideOptionMenu", "showOptionMenu",
    "hideMenuItems", "showMenuItems", "hideAllNonBaseMenuItem", "showAllNonBaseMenuItem",
    "updateAppMessageShareData", "updateTimelineShareData", "onMenuShareAppMessage", "onMenuShareTimeline",
    "chooseWXPay",
  ];
  const ALWAYS = ["closeWindow"];
  let settings = null;
  let allowed = [];
  let verdict = "";
  const waiting = [];
  const failing = [];

  function onBridge(work) {
    if (window.WeixinJSBridge) work(window.WeixinJSBridge);
    else document.addEventListener("WeixinJSBridgeReady", () => work(window.WeixinJSBridge), { once: true });
  }

  function finish(name, options, answer) {
    const result = { ...answer, errMsg: (answer.err_msg || `${name}:ok`).replace(/^\w+:/, `${name}:`) };
    delete result.err_msg;
    if (/:ok$/.test(result.errMsg)) options.success?.(result);
    else if (/:cancel$/.test(result.errMsg)) options.cancel?.(result);
    else options.fail?.(result);
    options.complete?.(result);
  }

  function call(name, options = {}) {
    if (verdict !== "ok" && !ALWAYS.includes(name)) {
      finish(name, options, { err_msg: `${name}:fail, the permission value is offline verifying` });
      return;
    }
    if (!allowed.includes(name) && !ALWAYS.includes(name)) {
      finish(name, options, { err_msg: `${name}:fail, the permission value is not in jsApiList` });
      return;
    }
    const values = Object.fromEntries(Object.entries(options).filter(([, value]) => typeof value !== "function"));
    onBridge((bridge) => bridge.invoke(name, { ...values, appId: settings?.appId }, (answer) => finish(name, options, answer)));
  }

  const wx = {
    config(given) {
      settings = given;
      onBridge((bridge) =>
        bridge.invoke("preVerifyJSAPI", { ...given, url: location.href }, (answer) => {
          verdict = answer.problem ? "fail" : "ok";
          allowed = answer.allowed ?? [];
          if (given.debug) window.alert(answer.problem || "config:ok");
          if (answer.problem) failing.splice(0).forEach((one) => one({ errMsg: answer.problem }));
          else waiting.splice(0).forEach((one) => one());
        }));
    },
    ready(work) {
      if (verdict === "ok") work();
      else waiting.push(work);
    },
    error(work) {
      failing.push(work);
    },
    checkJsApi(options) {
      const checked = Object.fromEntries((options.jsApiList ?? []).map((name) => [name, allowed.includes(name)]));
      finish("checkJsApi", options, { err_msg: "checkJsApi:ok", checkResult: checked });
    },
  };
  for (const name of METHODS) wx[name] = (options) => call(name, options);
  window.wx = window.jWeixin = wx;

  class OpenSubscribe extends HTMLElement {
    connectedCallback() {
      // The element's children are parsed after it.
      setTimeout(() => this.draw());
    }

    draw() {
      const root = this.attachShadow({ mode: "open" });
      const [style, body] = [...this.querySelectorAll("script[type='text/wxtag-template'], template")]
        .sort((one, other) => (other.slot === "style") - (one.slot === "style"))
        .reduce(([left, right], one) => (one.slot === "style" ? [one, right] : [left, one]), [null, null]);
      const parsed = (part) => new DOMParser().parseFromString(part?.innerHTML ?? "", "text/html");
      if (style) {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(parsed(style).querySelector("style")?.textContent ?? "");
        root.adoptedStyleSheets = [sheet];
      }
      root.append(...parsed(body).body.childNodes);
      root.addEventListener("click", () => this.ask());
      this.tell("ready", {});
    }

    tell(name, detail) {
      this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
    }

    ask() {
      if (verdict !== "ok" || !(settings?.openTagList ?? []).includes("wx-open-subscribe")) {
        this.tell("error", { errMsg: "openSubscribeMessage:fail config first", errCode: "10003" });
        return;
      }
      const templates = (this.getAttribute("template") ?? "").split(",").map((one) => one.trim()).filter(Boolean);
      onBridge((bridge) =>
        bridge.invoke("openSubscribeMessage", { appId: settings.appId, templates }, (answer) => {
          if (!answer.choices) {
            this.tell("error", { errMsg: answer.err_msg, errCode: answer.code ?? "10002" });
            return;
          }
          const details = Object.fromEntries(Object.entries(answer.choices).map(([id, status]) => [id, JSON.stringify({ status })]));
          this.tell("success", { errMsg: "openSubscribeMessage:ok", subscribeDetails: JSON.stringify(details) });
        }));
    }
  }
  if (!customElements.get("wx-open-subscribe")) customElements.define("wx-open-subscribe", OpenSubscribe);
})();
