// JS-SDK calls of pages in the in-app browser: checked by the sandbox, done by this phone.

import { ask } from "../dom.js";
import { offer } from "./bridge.js";
import { toast } from "./feedback.js";
import { askForNotices, confirm, pickPicture, pickScan, showPicture, whereabouts } from "./layers.js";
import { openUrl } from "./browser.js";

const FILE = /\/mp\.weixin\.qq\.com\/media\/([\w-]+)/;
const ACCURACY_M = 65;
const shares = new WeakMap();

/** What a page wants to be sent to friends; null when it said nothing or forbade it. */
export function shareOf(view) {
  const found = shares.get(view.document);
  return found && !found.isHidden ? found : null;
}

function remember(view, more) {
  shares.set(view.document, { ...shares.get(view.document), ...more });
  return { err_msg: "share:ok" };
}

async function safely(name, work) {
  try {
    return { err_msg: `${name}:ok`, ...(await work()) };
  } catch (error) {
    return { err_msg: `${name}:fail ${error.message}` };
  }
}

offer("preVerifyJSAPI", async (values) => {
  const answer = await ask("POST", "/_phone/api/jssdk/config", values).catch((error) => ({ problem: `config:fail ${error.message}` }));
  if (answer.problem) toast(`JS-SDK ${answer.problem}`);
  return { err_msg: answer.problem || "preVerifyJSAPI:ok", ...answer };
});

offer("scanQRCode", async (values) => {
  const content = await pickScan();
  if (content === null) return { err_msg: "scanQRCode:cancel" };
  if (!values.needResult) openUrl(content);
  const bar = /^\d{8,14}$/.test(content) ? `CODE_128,${content}` : content;
  return { err_msg: "scanQRCode:ok", resultStr: bar };
});

offer("chooseImage", async (values) => {
  const data = await pickPicture();
  if (data === null) return { err_msg: "chooseImage:cancel" };
  return safely("chooseImage", async () => {
    const { serverId } = await ask("POST", "/_phone/api/jssdk/images", { appid: values.appId, data });
    return { localIds: [`/mp.weixin.qq.com/media/${serverId}`], sourceType: "album" };
  });
});

offer("uploadImage", (values) =>
  safely("uploadImage", async () => {
    const found = FILE.exec(values.localId ?? "");
    if (!found) throw new Error("unknown localId");
    return { serverId: found[1] };
  }));

offer("downloadImage", (values) =>
  safely("downloadImage", async () => {
    await ask("GET", `/_phone/api/jssdk/images/${values.serverId}?appid=${values.appId}`);
    return { localId: `/mp.weixin.qq.com/media/${values.serverId}` };
  }));

offer("getLocalImgData", (values) =>
  safely("getLocalImgData", async () => {
    const found = FILE.exec(values.localId ?? "");
    if (!found) throw new Error("unknown localId");
    const { data } = await ask("GET", `/_phone/api/jssdk/images/${found[1]}?appid=${values.appId}`);
    return { localData: data };
  }));

offer("previewImage", async (values) => {
  showPicture(values.current || values.urls?.[0]);
  return { err_msg: "previewImage:ok" };
});

offer("getLocation", async () => {
  if (!(await confirm("网页想要获取你的位置", "允许"))) return { err_msg: "getLocation:fail auth deny" };
  const { latitude, longitude } = whereabouts();
  return { err_msg: "getLocation:ok", latitude, longitude, speed: 0, accuracy: ACCURACY_M };
});

offer("openLocation", async (values) => {
  toast(`${values.name || "位置"}：${values.address || `${values.latitude}, ${values.longitude}`}`);
  return { err_msg: "openLocation:ok" };
});

offer("getNetworkType", async () => ({ err_msg: "getNetworkType:ok", networkType: "wifi" }));

for (const name of ["updateAppMessageShareData", "onMenuShareAppMessage"]) {
  offer(name, async ({ title, desc, link, imgUrl }, view) => remember(view, { title, desc, link, imgUrl }));
}
// Moments are not played: what a page wants to say there changes nothing of what friends get.
for (const name of ["updateTimelineShareData", "onMenuShareTimeline"]) {
  offer(name, async () => ({ err_msg: "share:ok" }));
}
for (const name of ["hideOptionMenu", "hideMenuItems", "hideAllNonBaseMenuItem"]) {
  offer(name, async (_values, view) => remember(view, { isHidden: true }));
}
for (const name of ["showOptionMenu", "showMenuItems", "showAllNonBaseMenuItem"]) {
  offer(name, async (_values, view) => remember(view, { isHidden: false }));
}

offer("openSubscribeMessage", async (values) => {
  try {
    const choices = await askForNotices(values.appId, values.templates);
    return choices ? { err_msg: "openSubscribeMessage:ok", choices } : { err_msg: "openSubscribeMessage:fail cancel", code: "10005" };
  } catch (error) {
    return { err_msg: `openSubscribeMessage:fail ${error.message}`, code: "20001" };
  }
});
