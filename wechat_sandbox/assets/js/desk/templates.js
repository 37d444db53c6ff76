// The message templates of an account: taken from a small library, written by hand, taken away.

import { ask, h, icon } from "../dom.js";
import { API, confirmDialog, formDialog, notice } from "./frame.js";

const LIBRARY = [
  ["会员积分变动通知", "会员名称:{{thing1.DATA}}\n变动数量:{{number2.DATA}}\n当前数量:{{number3.DATA}}\n变动时间:{{time4.DATA}}\n备注:{{thing5.DATA}}"],
  ["门店服务通知", "门店名称:{{thing1.DATA}}\n通知事项:{{thing2.DATA}}\n通知内容:{{thing3.DATA}}"],
  ["消费成功提醒", "门店名称:{{thing1.DATA}}\n消费项目:{{thing2.DATA}}\n消费金额:{{amount3.DATA}}\n消费时间:{{time4.DATA}}"],
  ["预约成功通知", "预约项目:{{thing1.DATA}}\n预约时间:{{time2.DATA}}\n门店地址:{{thing3.DATA}}\n联系电话:{{phone_number4.DATA}}"],
];
const OWN = "项目:{{thing1.DATA}}\n时间:{{time2.DATA}}";

const opened = new Set();

/** What a template asks for: 会员名称、变动数量. */
const asked = (content) => content.trim().split("\n").map((line) => line.split(/[:：]/)[0]).join("、");

async function act(work, done, reload) {
  try {
    await work();
    notice(done);
    await reload();
  } catch (error) {
    notice(error.message, "bad");
  }
}

/** The part of an account's card that lists its templates. */
export function templatesPart(account, reload) {
  const path = `${API}/accounts/${account.appid}`;
  const put = (title, content) => ask("PUT", path, { templates: [{ title, content }] });
  const remove = (one) => confirmDialog(`删除“${one.title}”？`, "商家系统再用它发消息，会得到 40037。", "删除",
    () => act(() => ask("DELETE", `${path}/templates/${encodeURIComponent(one.template_id)}`), "已删除", reload));
  const row = (one) => h("li", {},
    h("span", {}, h("b", {}, one.title), h("small", {}, asked(one.content))),
    h("button", { type: "button", class: "icon-button", title: "删除", "aria-label": `删除模板${one.title}`, onclick: () => remove(one) }, icon("close")));
  const box = h("details", { class: "templates", open: opened.has(account.appid) },
    h("summary", {}, h("span", {}, account.templates.length ? `消息模板 ${account.templates.length} 个` : "没有消息模板"), icon("down")),
    account.templates.length ? h("ul", { class: "held" }, account.templates.map(row)) : null,
    h("div", { class: "templates-add" }, h("button", { type: "button", class: "button", onclick: () => choose(account, put, reload) }, icon("plus"), "从模板库添加")));
  box.addEventListener("toggle", () => (box.open ? opened.add(account.appid) : opened.delete(account.appid)));
  return box;
}

function choose(account, put, reload) {
  const close = () => dialog.close();
  const take = ([title, content]) => { close(); act(() => put(title, content), `已添加“${title}”`, reload); };
  const own = () => {
    close();
    formDialog("自己写一个模板", [
      ["title", "标题", { required: true, maxlength: 40 }],
      ["content", "内容", { isLong: true, required: true, rows: 5, value: OWN }, "一行一项；{{thing1.DATA}} 这样的位置由商家系统填写"],
    ], "添加", async ({ title, content }) => {
      await put(title, content);
      notice(`已添加“${title}”`);
      await reload();
    });
  };
  const dialog = h("dialog", { class: "dialog", "aria-label": "模板库" },
    h("h2", {}, `给 ${account.name} 添加模板`),
    h("div", { class: "library" }, LIBRARY.map((one) =>
      h("button", { type: "button", class: "picker-row", onclick: () => take(one) }, h("span", {}, h("b", {}, one[0]), h("small", {}, asked(one[1])))))),
    h("div", { class: "form-actions" }, h("button", { type: "button", class: "button", onclick: own }, "自己写一个"), h("button", { type: "button", class: "button", onclick: close }, "取消")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
