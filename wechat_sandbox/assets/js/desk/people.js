// All people of the sandbox.

import { ask, h, icon, portrait } from "../dom.js";
import { API, desk, formDialog, notice } from "./frame.js";

const PLATFORMS = [["ios", "iPhone"], ["android", "Android"]];
const SHOWN = 300;

const main = desk(h("button", { type: "button", class: "button primary", onclick: () => edit(null) }, icon("plus"), "新建人物"));
const field = h("input", { type: "search", class: "find", placeholder: "按昵称、微信号或标签查找", "aria-label": "查找人物", autocomplete: "off" });
const count = h("p", { class: "quiet" });
const grid = h("div", { class: "people" });
main.append(h("div", { class: "page-head" }, h("h1", {}, "人物"), count, field), grid);
let people = [];

function draw() {
  const wanted = field.value.trim().toLowerCase();
  const found = people.filter((one) => `${one.nickname} ${one.slug} ${one.tags.join(" ")}`.toLowerCase().includes(wanted));
  count.textContent = `${found.length} 人`;
  grid.replaceChildren(...(found.length ? found.slice(0, SHOWN).map(card) : [h("p", { class: "blank" }, people.length ? "没有找到，换个词试试。" : "还没有人。新建一个，就有了一部可以扫码的手机。")]));
}

function card(person) {
  return h("article", { class: "person" },
    portrait(person),
    h("div", { class: "person-main" }, h("b", {}, person.nickname), h("small", {}, [person.slug, person.phone.replace("+86", ""), person.platform === "ios" ? "iPhone" : "Android"].join(" · ")),
      person.tags.length ? h("small", {}, person.tags.join(" · ")) : null),
    h("div", { class: "person-tools" },
      h("a", { class: "icon-button", href: person.phone_url, target: "_blank", rel: "noopener", title: "打开手机", "aria-label": `打开${person.nickname}的手机` }, icon("phone")),
      h("button", { type: "button", class: "icon-button", title: "修改", "aria-label": `修改${person.nickname}`, onclick: () => edit(person) }, icon("more"))));
}

function edit(person) {
  formDialog(
    person ? `修改 ${person.nickname}` : "新建人物",
    [
      ["nickname", "昵称", { required: true, maxlength: 32, value: person?.nickname ?? "" }],
      person ? null : ["slug", "微信号", { required: true, pattern: "[a-z0-9]([a-z0-9-]*[a-z0-9])?", maxlength: 40, placeholder: "lin-xiaoman" }, "小写字母、数字和连字符，也是手机网址的开头"],
      ["phone", "手机号", { value: (person?.phone ?? "").replace("+86", ""), inputmode: "tel", maxlength: 20 }, "短信发到这个号码；不填会自动分配一个"],
      ["platform", "手机", { options: PLATFORMS, value: person?.platform ?? "ios" }],
      ["tags", "标签", { value: person?.tags.join(" ") ?? "", placeholder: "顾客 老会员" }, "用空格隔开，方便查找"],
    ].filter(Boolean),
    person ? "保存" : "新建",
    async (values) => {
      await ask("PUT", `${API}/people`, [{ slug: person?.slug, ...values, tags: values.tags.split(/\s+/).filter(Boolean) }]);
      notice(person ? "已保存" : "已新建，可以打开手机了");
      await load();
    },
  );
}

async function load() {
  people = await ask("GET", `${API}/people`);
  draw();
}

field.addEventListener("input", draw);
load().catch((error) => notice(error.message, "bad"));
