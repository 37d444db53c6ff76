// Scan: with the mouse by choosing one of the codes the accounts have made, or any text or picture.

import { ask, h, icon, moment } from "../dom.js";
import { bar } from "./bar.js";
import { cameraProblem, readPicture, readScreen, watchCamera } from "./camera.js";
import { toast } from "./feedback.js";
import { back, navigate } from "./nav.js";
import { payContent } from "./pay.js";
import { now, state } from "./state.js";
import { openUrl } from "./browser.js";

const READABLE = 20; // longer scenes are drawn by lot and tell nobody anything

/** Do what a phone does with the text of a QR code. */
export async function scanned(content, { replace = true } = {}) {
  let found;
  try {
    found = await ask("POST", "/_phone/api/scan", { content });
  } catch (error) {
    toast(error.message);
    return;
  }
  if (found.kind === "scene" && found.followed) navigate("chat", { appid: found.appid }, { replace });
  else if (found.kind === "scene") navigate("account", { appid: found.appid, content }, { replace });
  else if (found.kind === "mini") navigate("mini", found, { replace });
  else if (found.kind === "url") openUrl(found.url, { replace });
  else if (found.kind === "pay") {
    const { result } = await payContent(found.text);
    if (result === "ok") back();
  } else if (found.kind === "expired") toast("二维码已过期，请让商家换一个");
  else toast(`二维码内容：${found.text}`);
}

export function scanView() {
  const tools = scanTools(scanned);
  const element = h("section", { class: "view scan" }, bar("扫一扫"), h("div", { class: "scroll" }, tools.element));
  return { element, update: tools.update, enter: tools.update, leave: tools.leave };
}

/** The ways to scan: a text, a picture, one of the codes that are on some screen. */
export function scanTools(take) {
  const grid = h("div", { class: "codes" });
  const field = h("input", { class: "field", type: "text", placeholder: "粘贴二维码里的网址或文字", "aria-label": "二维码内容", autocomplete: "off" });
  const form = h("form", { class: "input-bar" }, field, h("button", { class: "button primary small" }, "识别"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value.trim()) take(field.value.trim());
  });
  const finder = h("div", { class: "finder" });
  const camera = { stop: () => {} };
  const element = h("div", {},
    h("div", { class: "scan-tools" }, form, state.can_decode ? [pictureChooser(take), liveTools(finder, camera, take), finder] : null),
    h("h2", { class: "scan-title" }, "正在展示的二维码"),
    grid);
  const onPaste = (event) => {
    const picture = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
    if (picture && state.can_decode) decode(picture, take);
  };
  document.addEventListener("paste", onPaste);
  let drawn = "";
  const update = async () => {
    const codes = await ask("GET", "/_phone/api/codes").catch(() => []);
    const text = JSON.stringify(codes);
    if (text === drawn && grid.childElementCount) return;
    drawn = text;
    grid.replaceChildren(...(codes.length ? codes.map((code) => card(code, take)) : [h("p", { class: "empty" }, "现在没有二维码。商家后台显示带参数的二维码、授权二维码后，会出现在这里。")]));
  };
  const timer = setInterval(update, 1500);
  update();
  return { element, update, leave: () => { camera.stop(); clearInterval(timer); document.removeEventListener("paste", onPaste); } };
}

function card(code, take) {
  const left = code.expires_at === null ? "永久有效" : `${moment(code.expires_at, now())} 前有效`;
  const purpose = code.scene && code.scene.length <= READABLE ? h("span", { class: "about" }, `参数 ${code.scene}`) : null;
  return h(
    "button",
    { type: "button", class: code.is_over ? "code over" : "code", "data-scene": code.scene, disabled: code.is_over ? "" : null, onclick: () => take(code.content) },
    h("img", { src: code.picture, alt: "二维码", loading: "lazy", width: "150", height: "150" }),
    h("b", {}, code.name),
    code.about ? h("span", { class: "about" }, code.about) : null,
    purpose,
    h("span", {}, `${moment(code.created_at, now())} 生成`),
    code.scanned_at ? h("span", { class: "seen" }, `${moment(code.scanned_at, now())} ${code.scanned_by}扫过`) : null,
    h("span", {}, code.is_over ? "已过期" : left),
  );
}

function pictureChooser(take) {
  const file = h("input", { type: "file", accept: "image/*", class: "offscreen", "aria-label": "选择二维码图片" });
  file.addEventListener("change", () => file.files[0] && decode(file.files[0], take));
  const label = h("label", { class: "button dark wide" }, icon("picture"), "选择或拖入二维码图片，也可以直接粘贴", file);
  label.addEventListener("dragover", (event) => event.preventDefault());
  label.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) decode(event.dataTransfer.files[0], take);
  });
  return label;
}

/** The computer's camera, and whatever is shown on its screen. */
function liveTools(finder, camera, take) {
  const watch = async () => {
    const problem = cameraProblem();
    if (problem) {
      toast(problem);
      return;
    }
    camera.stop();
    try {
      await loadDecoder();
      camera.stop = await watchCamera(finder, take, toast);
    } catch (error) {
      toast(error.message);
    }
  };
  const grab = async () => {
    try {
      await loadDecoder();
      const text = await readScreen();
      if (text) take(text);
      else toast("屏幕上没有认出二维码，请把它放大些再试");
    } catch (error) {
      toast(error.name === "NotAllowedError" ? "没有选择要识别的窗口" : error.message);
    }
  };
  return h("div", { class: "live-tools" },
    h("button", { type: "button", class: "button dark", onclick: watch }, icon("camera"), "摄像头"),
    navigator.mediaDevices?.getDisplayMedia ? h("button", { type: "button", class: "button dark", onclick: grab }, icon("open"), "识别屏幕") : null);
}

function loadDecoder() {
  if (globalThis.jsQR) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = h("script", { src: "/_phone/assets/vendor/jsqr.js", onload: resolve, onerror: () => reject(new Error("没有装好识别二维码的程序")) });
    document.head.append(script);
  });
}

async function decode(file, take) {
  try {
    await loadDecoder();
    const bitmap = await createImageBitmap(file);
    const found = readPicture(bitmap, bitmap.width, bitmap.height);
    if (found) take(found);
    else toast("图片里没有认出二维码");
  } catch (error) {
    toast(error.message || "这张图片打不开");
  }
}
