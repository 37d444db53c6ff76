// Opens WeChat's payment sheet with what the server signed; the page itself notices when it is paid.
const sheet = document.getElementById("collect-sheet");
const button = document.querySelector("[data-pay-now]");
const said = document.querySelector("[data-pay-said]");

function onBridge(work) {
  if (window.WeixinJSBridge) work(window.WeixinJSBridge);
  else document.addEventListener("WeixinJSBridgeReady", () => work(window.WeixinJSBridge), { once: true });
}

function pay() {
  const { appId, time, nonce, signType, sign } = sheet.dataset;
  const values = { appId, timeStamp: time, nonceStr: nonce, package: sheet.dataset.package, signType, paySign: sign };
  button.disabled = true;
  said.hidden = true;
  onBridge((bridge) =>
    bridge.invoke("getBrandWCPayRequest", values, ({ err_msg: result }) => {
      // "ok" is WeChat's word to this phone only: the server waits for WeChat Pay's own
      if (result === "get_brand_wcpay_request:ok") return;
      button.disabled = false;
      said.hidden = false;
    }));
}

if (sheet && button) {
  button.addEventListener("click", pay);
  pay();
}
