// What covers the phone for a moment and answers a promise: scanning, pictures, places, subscriptions.

import { ask, h, icon } from "../dom.js";
import { iconButton } from "./bar.js";
import { scanTools } from "./scan.js";

const PLACES = [
  ["湖滨", "浙江省杭州市上城区东坡路 18 号", 30.2553, 120.1648],
  ["文三路", "浙江省杭州市西湖区文三路 406 号", 30.2768, 120.1313],
  ["萧山机场", "浙江省杭州市萧山区空港大道", 30.236, 120.4346],
  ["人民路店", "广东省广州市越秀区人民路 18 号", 23.1291, 113.2644],
  ["天河体育中心", "广东省广州市天河区天河路 299 号", 23.1377, 113.3252],
  ["白云山", "广东省广州市白云区白云山", 23.184, 113.299],
];

/** Cover the phone until `close(value)` is called; Escape closes with null. */
export function layer(name, label, build) {
  return new Promise((resolve) => {
    const close = (value) => {
      element.remove();
      document.removeEventListener("keydown", onKey);
      resolve(value);
    };
    const onKey = (event) => event.key === "Escape" && close(null);
    const element = h("div", { class: `layer ${name}`, role: "dialog", "aria-label": label }, build(close));
    document.addEventListener("keydown", onKey);
    (document.querySelector(".phone") ?? document.body).append(element);
    element.querySelector("button, input")?.focus();
  });
}

export const head = (title, close) =>
  h("header", { class: "bar" }, h("div", { class: "bar-side" }, iconButton("close", "取消", () => close(null))), h("h1", { class: "bar-title" }, title), h("div", { class: "bar-side" }));

/** Scan over the page that is open; answers the text of the code, or null. */
export function pickScan() {
  let tools;
  return layer("scan", "扫一扫", (close) => {
    tools = scanTools(close);
    return [head("扫一扫", close), h("div", { class: "scroll" }, tools.element)];
  }).finally(() => tools.leave());
}

/** A picture as a data: address: one from this computer, or a sample drawn on the spot. */
export function pickPicture() {
  return layer("sheet-layer", "选择图片", (close) => {
    const file = h("input", { type: "file", accept: "image/*", class: "offscreen", "aria-label": "选择图片文件" });
    file.addEventListener("change", () => file.files[0] && read(file.files[0]).then(close));
    return h("div", { class: "sheet" },
      h("button", { type: "button", class: "sheet-choice", onclick: () => close(sample()) }, "拍一张示例照片"),
      h("button", { type: "button", class: "sheet-choice", onclick: () => file.click() }, "从电脑选择图片"), file,
      h("button", { type: "button", class: "sheet-choice cancel", onclick: () => close(null) }, "取消"));
  });
}

function read(file) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(file);
  });
}

function sample() {
  const canvas = h("canvas", { width: 480, height: 360 });
  const paint = canvas.getContext("2d");
  paint.fillStyle = "#2F7D6B";
  paint.fillRect(0, 0, 480, 360);
  paint.fillStyle = "#fff";
  paint.font = "28px sans-serif";
  paint.textAlign = "center";
  paint.fillText("示例照片", 240, 170);
  paint.fillText(new Date().toLocaleTimeString("zh-CN"), 240, 220);
  return canvas.toDataURL("image/jpeg", 0.8);
}

/** A place with name, label, latitude and longitude, or null. */
export function pickPlace(title = "发送哪个位置") {
  return layer("sheet-layer", "选择位置", (close) =>
    h("div", { class: "sheet" }, h("p", { class: "sheet-title" }, title),
      PLACES.map(([name, label, latitude, longitude]) =>
        h("button", { type: "button", class: "sheet-choice", onclick: () => close({ name, label, latitude, longitude }) }, name)),
      h("button", { type: "button", class: "sheet-choice cancel", onclick: () => close(null) }, "取消")));
}

const STORED = "sandbox-place";

/** Where this phone is: what was chosen under 我, else the first place. */
export function whereabouts() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED));
    if (kept?.name) return kept;
  } catch {
    // what is kept is not ours
  }
  const [name, label, latitude, longitude] = PLACES[0];
  return { name, label, latitude, longitude };
}

/** Carry the phone somewhere else; answers where it is then. */
export async function carry() {
  const place = await pickPlace("这部手机在哪里");
  if (place) localStorage.setItem(STORED, JSON.stringify(place));
  return whereabouts();
}

/** The subscription dialog of an account; answers {template: accept or reject}, or null. */
export async function askForNotices(appid, templates, scene = "1") {
  const asked = await ask("POST", "/_phone/api/notices/ask", { appid, templates });
  const choices = await layer("sheet-layer", "订阅消息", (close) => {
    const boxes = asked.templates.map((one) => [one.id, h("input", { type: "checkbox", checked: true })]);
    const decide = (yes) => close(Object.fromEntries(boxes.map(([id, box]) => [id, yes && box.checked ? "accept" : "reject"])));
    return h("div", { class: "sheet subscribe" },
      h("h2", {}, `${asked.account} 申请发送以下消息`),
      h("ul", {}, asked.templates.map((one, place) => h("li", {}, h("label", {}, boxes[place][1], h("span", {}, h("b", {}, one.title), h("small", {}, one.example)))))),
      h("div", { class: "subscribe-actions" },
        h("button", { type: "button", class: "button", onclick: () => decide(false) }, "取消"),
        h("button", { type: "button", class: "button primary", onclick: () => decide(true) }, "允许")));
  });
  if (choices) await ask("POST", "/_phone/api/notices/decide", { appid, choices, scene });
  return choices;
}

/** Yes or no to something a page or a mini program wants. */
export function confirm(title, yes) {
  return layer("sheet-layer", title, (close) =>
    h("div", { class: "sheet" }, h("p", { class: "sheet-title" }, title),
      h("button", { type: "button", class: "sheet-choice", onclick: () => close(true) }, yes),
      h("button", { type: "button", class: "sheet-choice cancel", onclick: () => close(false) }, "拒绝")));
}

export function showPicture(src) {
  return layer("preview", "图片", (close) => h("button", { type: "button", class: "preview-close", "aria-label": "关闭图片", onclick: () => close(null) }, h("img", { src, alt: "图片" }), icon("close")));
}

