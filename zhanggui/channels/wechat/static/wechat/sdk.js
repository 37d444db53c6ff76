// Lets a page inside WeChat use the phone (JS-SDK): what is sent when somebody shares it, the
// scanner. Where WeChat does not let it, buttons that would do nothing stay hidden and the page
// works as in any other browser.
//
// <button data-wechat-scan hidden>: opens the scanner; the text comes as the event "wechat:scanned".
// <button data-wechat-place hidden>: asks where the phone is; the answer comes as the event
// "wechat:placed" with latitude, longitude and accuracy, a refusal as "wechat:unplaced".
// "wechat:ready" on the document: from now on these buttons work.
// <wx-open-subscribe>: WeChat's own element, which asks for permission to send; allowed here.

const TAGS = ["wx-open-subscribe"];
const APIS = ["updateAppMessageShareData", "updateTimelineShareData", "scanQRCode", "getLocation"];
const page = document.getElementById("wechat-page");
let phone = null;

function load(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = () => reject(new Error("WeChat's script did not load"));
    document.head.append(script);
  });
}

async function signature() {
  const path = location.pathname + location.search;
  const answer = await fetch(`${page.dataset.sign}?path=${encodeURIComponent(path)}`, {
    headers: { Accept: "application/json" },
  });
  if (!answer.ok) throw new Error(`not signed: ${answer.status}`);
  return answer.json();
}

async function connect() {
  const [signed] = await Promise.all([signature(), load(page.dataset.script)]);
  await new Promise((resolve, reject) => {
    window.wx.ready(resolve);
    window.wx.error(({ errMsg }) => reject(new Error(errMsg)));
    window.wx.config({ ...signed, debug: false, jsApiList: APIS, openTagList: TAGS });
  });
  return window.wx;
}

function share() {
  const { title, text, link, picture } = page.dataset;
  if (!title) return;
  const whole = (address) => new URL(address, page.dataset.home).href;
  const shown = { title, link: whole(link), imgUrl: whole(picture) };
  phone.updateAppMessageShareData({ ...shown, desc: text });
  phone.updateTimelineShareData(shown);
}

function reveal() {
  if (!phone) return;
  for (const button of document.querySelectorAll("[data-wechat-scan], [data-wechat-place]")) button.hidden = false;
}

function locate(button) {
  const say = (name, detail) => button.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  const no = () => say("wechat:unplaced", null);
  phone.getLocation({
    type: "gcj02", // as maps of China count
    success: ({ latitude, longitude, accuracy }) => say("wechat:placed", { latitude, longitude, accuracy }),
    cancel: no,
    fail: no,
  });
}

document.addEventListener("click", (event) => {
  const place = event.target.closest("[data-wechat-place]");
  if (place && phone) locate(place);
  const button = event.target.closest("[data-wechat-scan]");
  if (!button || !phone) return;
  phone.scanQRCode({
    needResult: 1,
    scanType: ["qrCode"],
    success: ({ resultStr }) =>
      button.dispatchEvent(new CustomEvent("wechat:scanned", { detail: resultStr, bubbles: true })),
  });
});
document.addEventListener("htmx:load", reveal);

if (page) {
  connect().then(
    (found) => {
      phone = found;
      page.dataset.state = "ready";
      share();
      reveal();
      document.dispatchEvent(new Event("wechat:ready"));
    },
    (error) => {
      page.dataset.state = error.message;
    },
  );
}
