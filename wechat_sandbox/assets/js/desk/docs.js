// The control side for programmers: every call of the OpenAPI document, readable.

import { ask, copyText, h, icon } from "../dom.js";
import { desk, notice } from "./frame.js";

const main = desk(h("a", { class: "button", href: "/_sandbox/openapi.json", target: "_blank" }, icon("open"), "openapi.json"));
const field = h("input", { type: "search", class: "find", placeholder: "按路径或说明查找", "aria-label": "查找接口", autocomplete: "off" });
const count = h("p", { class: "quiet" });
const list = h("div", { class: "docs" });
main.append(
  h("div", { class: "page-head" }, h("h1", {}, "控制接口"), count, field),
  h("p", { class: "quiet inbox-lead" }, "给测试和演示数据用：建人、建账号、付款、拨时钟、制造故障。只接受本机的调用。说明是英文，和 openapi.json 一致。"),
  list);

let calls = [];

function type(schema) {
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `${schema.items.type}[]`;
  return schema.type;
}

function fields(title, rows) {
  if (!rows.length) return null;
  return h("section", {}, h("h3", {}, title), h("dl", { class: "doc-fields" }, rows.map(([name, schema, text, isNeeded]) =>
    h("div", {}, h("dt", {}, h("code", {}, name), isNeeded ? h("em", {}, "必填") : null), h("dd", {}, h("span", {}, type(schema)), text)))));
}

/** A call for the shell with an example of every field that must be given. */
function example({ method, path, body }) {
  const lines = [`curl -X ${method.toUpperCase()} ${location.origin}${path}`];
  if (body?.properties) {
    const needed = body.required ?? [];
    const values = Object.fromEntries(needed.map((name) => [name, body.properties[name].type === "array" ? [] : "…"]));
    lines.push(`  -d '${JSON.stringify(values)}'`);
  } else if (body) lines.push("  -d '[…]'");
  return lines.join(" \\\n");
}

function entry(call) {
  const { method, path, operation, body } = call;
  const text = example(call);
  const places = operation.parameters.map((one) => [one.name, one.schema, one.description ?? (one.in === "path" ? "在路径里" : ""), one.required]);
  const inBody = Object.entries(body?.properties ?? {}).map(([name, schema]) => [name, schema, schema.description, body.required?.includes(name)]);
  return h("details", { class: "call doc" },
    h("summary", {}, h("span", { class: `kind method-${method}` }, method.toUpperCase()), h("code", { class: "path" }, path), h("span", { class: "note" }, operation.summary), icon("down")),
    h("div", { class: "doc-body" },
      h("p", {}, operation.summary), operation.description ? h("p", { class: "quiet" }, operation.description) : null,
      fields("路径和查询", places), fields("JSON 内容", inBody),
      h("section", {}, h("h3", {}, "例子"), h("div", { class: "doc-example" }, h("pre", {}, text),
        h("button", { type: "button", class: "copy", title: "复制", "aria-label": "复制例子", onclick: async () => notice((await copyText(text)) ? "已复制" : "没有复制成功") }, icon("copy"))))));
}

function draw() {
  const wanted = field.value.trim().toLowerCase();
  const found = calls.filter(({ method, path, operation }) => `${method} ${path} ${operation.summary}`.toLowerCase().includes(wanted));
  count.textContent = `${found.length} 个`;
  const tags = [...new Set(found.map((one) => one.operation.tags[0]))];
  list.replaceChildren(...(found.length ? tags.map((tag) =>
    h("section", { class: "doc-group" }, h("h2", {}, tag), h("div", { class: "calls" }, found.filter((one) => one.operation.tags[0] === tag).map(entry)))) : [h("p", { class: "blank" }, "没有找到，换个词试试。")]));
}

async function start() {
  const { paths } = await ask("GET", "/_sandbox/openapi.json");
  calls = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) =>
    ({ method, path, operation, body: operation.requestBody?.content["application/json"]?.schema })));
  draw();
}

field.addEventListener("input", draw);
start().catch((error) => notice(error.message, "bad"));
