// What WeChat adds to a page of the in-app browser: the calls of WeixinJSBridge.

import { chooseWXPay, getBrandWCPayRequest } from "./pay.js";

const CALLS = { getBrandWCPayRequest, chooseWXPay };

/** Let pages ask for `name`; the work gets the given values and answers an object with err_msg. */
export function offer(name, work) {
  CALLS[name] = work;
}

/** Give a page its bridge; `close` closes the in-app browser. */
export function bridge(view, close) {
  const listeners = {};
  view.WeixinJSBridge = {
    invoke: async (name, values, callback) => {
      if (name === "closeWindow") {
        callback?.({ err_msg: "closeWindow:ok" });
        close();
        return;
      }
      const work = CALLS[name];
      const answer = work
        ? await work({ ...(typeof values === "string" ? JSON.parse(values) : values) }, view)
        : { err_msg: `${name}:fail not supported by the sandbox` };
      callback?.(answer);
    },
    call: (name) => name === "closeWindow" && close(),
    on: (name, callback) => { (listeners[name] ??= []).push(callback); },
  };
  view.document.dispatchEvent(new view.Event("WeixinJSBridgeReady"));
}
