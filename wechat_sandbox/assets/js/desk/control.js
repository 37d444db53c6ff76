// Control by hand: the clock, faults, snapshots, a fresh start.

import { ask, beijing, h, icon } from "../dom.js";
import { API, confirmDialog, desk, formDialog, notice } from "./frame.js";

const EVERY_MS = 1000;
const STEPS = [["+1 分钟", 60], ["+10 分钟", 600], ["+1 小时", 3600], ["+1 天", 86400], ["+7 天", 7 * 86400], ["−1 小时", -3600]];
const WEEKDAYS = ["日", "一", "二", "三", "四", "五", "六"];
const PRESETS = [
  ["凭证失效 40001", { path: "*", errcode: 40001 }],
  ["今日额度用完 45009", { path: "*", errcode: 45009 }],
  ["微信忙 −1", { path: "*", errcode: -1 }],
  ["微信接口 500", { path: "*", http_status: 500 }],
  ["微信接口 6 秒才回答", { path: "*", timeout: 6 }],
  ["支付系统错误 500", { path: "/api.mch.weixin.qq.com/*", http_status: 500 }],
  ["下单成功却回答 500", { path: "/v3/pay/transactions/native", http_status: 500, after: true }],
  ["支付回答的签名是探测", { path: "/api.mch.weixin.qq.com/*", signature: "signtest" }],
  ["支付限频 429", { path: "/api.mch.weixin.qq.com/*", http_status: 429 }],
  ["腾讯云短信内部错误", { path: "/sms.tencentcloudapi.com/", code: "InternalError" }],
  ["阿里云短信流控", { path: "/dysmsapi.aliyuncs.com/", code: "isv.BUSINESS_LIMIT_CONTROL" }],
  ["短信网关 503", { path: "/sms.gateway/v1/messages", http_status: 503 }],
];
const PUSHES = [["drop", "丢弃"], ["duplicate", "重复"], ["wrong_signature", "伪造签名"]];

const main = desk(h("a", { class: "button", href: "/_sandbox/docs" }, icon("list"), "控制接口"));
main.append(h("div", { class: "page-head" }, h("h1", {}, "控制台")));
const grid = h("div", { class: "control-grid" });
main.append(grid);

const two = (number) => String(number).padStart(2, "0");
const clockText = (seconds) => {
  const at = beijing(seconds);
  return `${at.getUTCFullYear()}年${at.getUTCMonth() + 1}月${at.getUTCDate()}日 星期${WEEKDAYS[at.getUTCDay()]} ${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
};

function span(seconds) {
  const size = Math.abs(Math.round(seconds));
  const parts = [[86400, "天"], [3600, "小时"], [60, "分钟"], [1, "秒"]];
  const found = [];
  let left = size;
  for (const [unit, word] of parts) {
    const count = Math.floor(left / unit);
    left %= unit;
    if (count && found.length < 2) found.push(`${count} ${word}`);
  }
  return found.join(" ");
}

async function act(work, done) {
  try {
    const answer = await work();
    if (done) notice(done);
    await load();
    return answer;
  } catch (error) {
    notice(error.message, "bad");
    return null;
  }
}

function panel(title, lead, ...content) {
  const box = h("section", { class: "panel" }, h("h2", {}, title), lead ? h("p", { class: "quiet" }, lead) : null, ...content);
  grid.append(box);
  return box;
}

// The clock

const face = h("p", { class: "clock-face", role: "timer" }, "…");
const distance = h("p", { class: "quiet" });
const move = (body) => act(() => ask("POST", `${API}/clock`, body));
const wanted = h("input", { type: "datetime-local", "aria-label": "拨到" });
const setTo = () => {
  if (!wanted.value) return;
  const target = Date.parse(`${wanted.value}:00+08:00`) / 1000;
  move({ offset_s: target - Date.now() / 1000 });
};
panel("时钟", "令牌、二维码、订单、重发都按这个时间走。拨快以后，到期的事马上发生。", face, distance,
  h("div", { class: "chips" }, STEPS.map(([label, seconds]) => h("button", { type: "button", class: "chip", onclick: () => move({ advance_s: seconds }) }, label)),
    h("button", { type: "button", class: "chip", onclick: () => move({ offset_s: 0 }) }, "回到真实时间")),
  h("div", { class: "inline-form" }, wanted, h("button", { type: "button", class: "button", onclick: setTo }, "拨到这个时间")));

let clock = null;
function tick() {
  if (!clock) return;
  face.textContent = clockText(Date.now() / 1000 + clock.offset_s);
  distance.textContent = Math.abs(clock.offset_s) < 1 ? "就是真实时间" : `比真实时间${clock.offset_s > 0 ? "快" : "慢"} ${span(clock.offset_s)}`;
}

// Faults of calls

const faultList = h("div", { class: "fault-list" });
const addFault = (what) => act(() => ask("POST", `${API}/faults`, what), "下一次调用会出错");
panel("接口故障", "商家系统下一次调用时会遇到。", faultList,
  h("div", { class: "chips" }, PRESETS.map(([label, what]) => h("button", { type: "button", class: "chip", onclick: () => addFault(what) }, label))),
  h("div", { class: "inline-form" },
    h("button", { type: "button", class: "button", onclick: ownFault }, icon("plus"), "自定义"),
    h("button", { type: "button", class: "button", onclick: () => act(() => ask("DELETE", `${API}/faults`), "所有故障已取消") }, "全部取消")));

function ownFault() {
  formDialog("自定义故障", [
    ["path", "路径", { required: true, placeholder: "/cgi-bin/menu/create" }, "* 表示所有微信接口；支付写 /v3/…"],
    ["times", "几次", { type: "number", min: 1, value: "1" }],
    ["errcode", "errcode", { inputmode: "numeric", placeholder: "45009" }, "微信接口的错误码"],
    ["code", "code", { placeholder: "FREQUENCY_LIMITED" }, "支付和云短信的错误码"],
    ["http_status", "HTTP 状态", { inputmode: "numeric", placeholder: "500" }],
    ["timeout", "先等多少秒", { inputmode: "decimal" }],
    ["after", "事情做不做", { options: [["", "不做"], ["1", "做完再出错"]], value: "" }],
  ], "加上", async (given) => {
    const what = { path: given.path, times: Number(given.times) };
    for (const name of ["errcode", "http_status", "timeout"]) if (given[name]) what[name] = Number(given[name]);
    if (given.code) what.code = given.code;
    if (given.after) what.after = true;
    await ask("POST", `${API}/faults`, what);
    notice("已加上");
    await load();
  });
}

function faultRow(one) {
  const { path, times, ...what } = one;
  return h("p", {}, path === "*" ? "所有微信接口" : h("code", {}, path), ` ${Object.entries(what).map(([name, value]) => `${name} ${value}`).join(" · ")} × ${times}`);
}

// Faults of pushes

const pushList = h("div", { class: "push-list" });
panel("推送故障", "公众号和小程序的下一条消息推送。支付通知的故障在“商户”页。", pushList);

function pushRow(account) {
  const set = (what, text) => act(() => ask("POST", `${API}/callbacks/policy`, { appid: account.appid, ...what }), text);
  return h("div", { class: "push-row" }, h("b", {}, account.name),
    h("div", { class: "chips" },
      PUSHES.map(([name, label]) => h("button", { type: "button", class: "chip", onclick: () => set({ [name]: 1 }, `${account.name}：下一条推送${label}`) }, label)),
      h("button", { type: "button", class: "chip", onclick: () => set({ delay_s: 6 }, `${account.name}：推送都迟到 6 秒`) }, "迟到 6 秒"),
      h("button", { type: "button", class: "chip", onclick: () => set({}, `${account.name}：推送恢复正常`) }, "恢复正常")));
}

// Snapshots

const shelf = h("div", { class: "shelf" });
const file = h("input", { type: "file", accept: ".gz", class: "offscreen", "aria-label": "上传快照文件" });
file.addEventListener("change", async () => {
  const [chosen] = file.files;
  if (!chosen) return;
  const name = chosen.name.replace(/(\.json)?\.gz$/, "").slice(0, 40) || "上传";
  await act(async () => {
    const answer = await fetch(`${API}/snapshots/${encodeURIComponent(name)}`, { method: "PUT", body: chosen });
    if (!answer.ok) throw new Error((await answer.json()).error);
  }, `已上传 ${name}`);
  file.value = "";
});
panel("快照", "把沙箱里的一切存下来：人、账号、消息、订单、时钟。", shelf,
  h("div", { class: "inline-form" },
    h("button", { type: "button", class: "button primary", onclick: keep }, icon("plus"), "存一份快照"),
    h("label", { class: "button" }, icon("open"), "上传", file)));

function keep() {
  formDialog("存一份快照", [["name", "名称", { required: true, maxlength: 40, value: `快照 ${clockText(Date.now() / 1000).slice(5, 11).replace(/\s.*/, "")}` }, "同名的会被替换"]], "存下", async ({ name }) => {
    await ask("POST", `${API}/snapshots`, { name });
    notice(`已存下 ${name}`);
    await load();
  });
}

const size = (bytes) => (bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`);

function snapshotRow(one) {
  const path = `${API}/snapshots/${encodeURIComponent(one.name)}`;
  const back = () => confirmDialog(`恢复“${one.name}”？`, "现在的内容会被替换。要留着，先存一份快照。", "恢复",
    () => act(() => ask("POST", `${path}/restore`, {}), `已恢复 ${one.name}`));
  const remove = () => confirmDialog(`删除“${one.name}”？`, "删除后不能再恢复。", "删除", () => act(() => ask("DELETE", path), "已删除"));
  return h("div", { class: "shelf-row" },
    h("span", {}, h("b", {}, one.name), h("small", {}, `${clockText(one.at).replace(/ 星期./, "")} · ${size(one.size)}`)),
    h("button", { type: "button", class: "button small", onclick: back }, "恢复"),
    h("a", { class: "button small", href: path, download: "" }, "下载"),
    h("button", { type: "button", class: "icon-button", "aria-label": `删除${one.name}`, title: "删除", onclick: remove }, icon("close")));
}

// A fresh start

panel("重新开始", "",
  h("div", { class: "chips" },
    h("button", { type: "button", class: "button", onclick: () => confirmDialog("只清空经过？", "人、账号、商户、短信账号和模板留下，关注、消息、订单、令牌和记录都清空。", "清空", () => act(() => ask("POST", `${API}/reset`, { keep: "setup" }), "已清空")) }, "清空经过，留下人和账号"),
    h("button", { type: "button", class: "button danger", onclick: () => confirmDialog("清空整个沙箱？", "人、账号、商户和所有经过都会消失。快照还在。", "全部清空", () => act(() => ask("POST", `${API}/reset`, {}), "沙箱已经是空的")) }, "全部清空")));

let drawn = "";
async function load() {
  const [now, faults, accounts, snapshots] = await Promise.all(["clock", "faults", "accounts", "snapshots"].map((one) => ask("GET", `${API}/${one}`)));
  clock = now;
  tick();
  const print = JSON.stringify([faults, accounts.map((one) => one.appid), snapshots]);
  if (print === drawn) return;
  drawn = print;
  faultList.replaceChildren(...(faults.length ? faults.map(faultRow) : [h("p", { class: "quiet" }, "现在没有故障。")]));
  pushList.replaceChildren(...(accounts.length ? accounts.map(pushRow) : [h("p", { class: "quiet" }, "还没有公众号。")]));
  shelf.replaceChildren(...(snapshots.length ? snapshots.map(snapshotRow) : [h("p", { class: "quiet" }, "还没有快照。")]));
}

load().catch((error) => notice(error.message, "bad"));
setInterval(tick, EVERY_MS);
setInterval(() => load().catch(() => {}), 3 * EVERY_MS);
