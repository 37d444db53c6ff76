// The menu editor: what is drawn up lives here until it is saved. The server checks everything
// again; here names are measured while one types, and the phone beside shows what followers see.
const form = document.getElementById("menu-form");
const { limits, pages, words, content, problems } = JSON.parse(document.getElementById("menu-data").dataset.menu);
const state = { menu: content, problems, chosen: null, open: null };
const isEditable = form !== null;

const encoder = new TextEncoder();
const wide = /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const widthOf = (name) => Array.from(name).reduce((sum, sign) => sum + (wide.test(sign) ? 2 : 1), 0);
const bytesOf = (name) => encoder.encode(name).length;
const say = (name, places = {}) => (words[name] ?? name).replace(/\{(\w+)\}/g, (all, key) => places[key] ?? all);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const icon = (name) => document.getElementById(`menu-icon-${name}`).content.firstElementChild.cloneNode(true);
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (n) => "23456789abcdefghjkmnpqrstuvwxyz"[n % 31]).join("");

// where a row stands: its list, its place in it, the button above it
function find(id) {
  for (const [at, button] of state.menu.entries()) {
    if (button.id === id) return { row: button, list: state.menu, at, above: null };
    const below = button.entries.findIndex((entry) => entry.id === id);
    if (below >= 0) return { row: button.entries[below], list: button.entries, at: below, above: button };
  }
  return null;
}

const levelOf = (place) => (place.above ? 1 : 0);

function troublesOf(row, level) {
  const found = state.problems.filter((one) => one.row === row.id).map((one) => ({ ...one }));
  const size = widthOf(row.name);
  const add = (field, text, hint = false) => {
    if (!found.some((one) => one.field === field && one.hint === hint)) found.push({ row: row.id, field, text, hint });
  };
  if (size > limits.widths[level]) add("name", say(level ? "longEntry" : "longButton"));
  else if (bytesOf(row.name) > limits.bytes[level]) add("name", say("manyBytes"));
  else if (level === 1 && size > limits.shown) add("name", say("cut"), true);
  return found;
}

function changed(id = null) {
  // a row that was touched is judged anew when it is saved
  state.problems = state.problems.filter((one) => one.row !== id && (one.row !== "" || id !== null));
  if (!isEditable) return;
  form.elements.content.value = JSON.stringify(state.menu);
  form.dataset.changed = "1";
}

function choose(id) {
  const place = find(id);
  state.chosen = place ? id : null;
  if (place) state.open = place.above ? place.above.id : id;
  draw();
}

function addButton() {
  const row = { id: newId(), name: say("newButton"), kind: "", value: "", entries: [] };
  state.menu.push(row);
  changed(row.id);
  choose(row.id);
  focusName();
}

function addEntry(button) {
  const row = { id: newId(), name: say("newEntry"), kind: button.kind, value: button.value, entries: [] };
  if (button.entries.length) row.kind = row.value = "";
  button.kind = button.value = "";
  button.entries.push(row);
  changed(button.id);
  choose(row.id);
  focusName();
}

function focusName() {
  const field = document.querySelector("[data-menu-name]");
  if (field && matchMedia("(min-width: 992px)").matches) {
    field.focus();
    field.select();
  }
}

function remove(id) {
  const place = find(id);
  place.list.splice(place.at, 1);
  changed(id);
  const next = place.list[Math.min(place.at, place.list.length - 1)] ?? place.above;
  if (next) choose(next.id);
  else {
    state.chosen = state.open = null;
    draw();
  }
}

function move(id, by) {
  const place = find(id);
  const to = place.at + by;
  if (to < 0 || to >= place.list.length) return;
  place.list.splice(to, 0, ...place.list.splice(place.at, 1));
  changed(id);
  draw();
  document.querySelector(`[data-move="${by}"]`)?.focus();
}

let dragged = null;
function dragging(row) {
  if (!isEditable) return {};
  return {
    draggable: "true",
    on: {
      click: () => choose(row.id),
      dragstart: (event) => {
        dragged = row.id;
        event.dataTransfer.effectAllowed = "move";
        event.dataTransfer.setData("text/plain", row.name);
      },
      dragover: (event) => {
        const from = find(dragged);
        const to = find(row.id);
        if (!from || !to || from.row === to.row || from.list !== to.list) return;
        event.preventDefault();
        event.currentTarget.classList.add("is-over");
      },
      dragleave: (event) => event.currentTarget.classList.remove("is-over"),
      drop: (event) => {
        event.preventDefault();
        const from = find(dragged);
        const to = find(row.id);
        if (!from || !to || from.list !== to.list) return;
        from.list.splice(to.at, 0, ...from.list.splice(from.at, 1));
        changed(dragged);
        choose(dragged);
      },
    },
  };
}

const isFaulty = (row, level) => troublesOf(row, level).some((one) => !one.hint)
  || row.entries.some((entry) => troublesOf(entry, 1).some((one) => !one.hint));

function barButton(button) {
  const isOpen = state.open === button.id;
  const classes = ["wm-button"];
  if (isOpen) classes.push("is-open");
  if (state.chosen === button.id) classes.push("is-chosen");
  if (isFaulty(button, 0)) classes.push("is-faulty");
  const plain = { on: { click: () => choose(button.id) } };
  const own = make("button", { class: classes.join(" "), type: "button", "aria-pressed": String(state.chosen === button.id), ...(isEditable ? dragging(button) : plain) },
    button.entries.length ? make("span", { class: "wm-lines", "aria-hidden": "true" }) : null,
    make("span", { class: "wm-label" }, button.name || say("nameless")));
  const column = make("div", { class: "wm-column" }, own);
  if (isOpen && (button.entries.length || isEditable)) column.prepend(popup(button));
  return column;
}

function popup(button) {
  const list = make("div", { class: "wm-popup" });
  for (const entry of button.entries) {
    const classes = ["wm-entry"];
    if (state.chosen === entry.id) classes.push("is-chosen");
    if (isFaulty(entry, 1)) classes.push("is-faulty");
    const plain = { on: { click: () => choose(entry.id) } };
    list.append(make("button", { class: classes.join(" "), type: "button", "aria-pressed": String(state.chosen === entry.id), ...(isEditable ? dragging(entry) : plain) },
      make("span", { class: "wm-label" }, entry.name || say("nameless"))));
  }
  if (isEditable && button.entries.length < limits.entries) {
    list.append(make("button", { class: "wm-entry is-add", type: "button", "aria-label": say("addEntry"), title: say("addEntry"), on: { click: () => addEntry(button) } }, icon("plus")));
  }
  return list;
}

function drawBar() {
  const bar = document.querySelector("[data-menu-bar]");
  bar.replaceChildren(...state.menu.map(barButton));
  if (isEditable && state.menu.length < limits.buttons) {
    bar.append(make("div", { class: "wm-column is-add" },
      make("button", { class: "wm-button is-add", type: "button", "aria-label": say("addButton"), title: say("addButton"), on: { click: addButton } }, icon("plus"), state.menu.length ? null : make("span", {}, say("addButton")))));
  }
}

// what happens in the chat when one taps the chosen row
function drawChat() {
  const chat = document.querySelector("[data-menu-chat]");
  const place = find(state.chosen);
  const row = place && !place.row.entries.length ? place.row : null;
  const bubbles = [];
  const bubble = (...content) => make("div", { class: "wm-bubble" }, make("span", { class: "wm-face", "aria-hidden": "true" }, chat.dataset.face), make("div", { class: "wm-said" }, ...content));
  const note = (text) => make("p", { class: "wm-happens" }, text);
  if (row?.kind === "reply") bubbles.push(bubble(row.value || say("noReply")));
  else if (row?.kind === "scan") bubbles.push(note(say("scans")), bubble(say("scanAnswer")));
  else if (row?.kind === "page") bubbles.push(note(say("opens", { page: row.value || "…" })));
  else if (row?.kind === "builtin") bubbles.push(note(say("opens", { page: pages.find((page) => page.name === row.value)?.label ?? "…" })));
  chat.replaceChildren(...bubbles);
}

function field(id, label, control, help, troubles) {
  const notes = make("div", {});
  const box = make("div", { class: "zg-field" }, make("label", { for: id }, label), control, help, notes);
  const tell = (found) => {
    const wrong = found.filter((one) => !one.hint);
    const hints = found.filter((one) => one.hint);
    box.classList.toggle("has-error", wrong.length > 0);
    if (wrong.length) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
    notes.replaceChildren(
      ...wrong.map((one) => make("p", { class: "wm-wrong", role: "alert" }, one.text)),
      ...hints.map((one) => make("p", { class: "wm-hint" }, one.text)));
  };
  tell(troubles);
  return { box, tell };
}

function nameField(row, level) {
  const count = make("small", { class: "wm-count zg-num" });
  const counted = () => {
    const size = widthOf(row.name);
    count.textContent = say("counted", { used: size / 2, most: limits.widths[level] / 2, bytes: bytesOf(row.name), mostBytes: limits.bytes[level] });
    count.classList.toggle("is-over", size > limits.widths[level] || bytesOf(row.name) > limits.bytes[level]);
  };
  const troubles = () => troublesOf(row, level).filter((one) => one.field === "name");
  // only the notes are drawn anew while one types: a panel that changed on leaving the field would
  // swallow the click that left it
  const input = make("input", { class: "form-control", id: "menu-name", "data-menu-name": true, value: row.name, maxlength: 60, autocomplete: "off", disabled: !isEditable, on: { input: (event) => {
    row.name = event.target.value.trim();
    changed(row.id);
    counted();
    tell(troubles());
    drawBar();
  } } });
  counted();
  const { box, tell } = field("menu-name", say("name"), input, count, troubles());
  return box;
}

function kindField(row) {
  const tiles = make("div", { class: "wm-kinds", role: "radiogroup", "aria-label": say("content") });
  for (const kind of ["scan", "page", "builtin", "reply"]) {
    tiles.append(make("label", { class: `wm-kind${row.kind === kind ? " is-on" : ""}` },
      make("input", { type: "radio", name: "menu-kind", value: kind, checked: row.kind === kind, disabled: !isEditable, on: { change: () => {
        row.kind = kind;
        row.value = "";
        changed(row.id);
        draw();
      } } }), icon(kind), make("b", {}, say(kind)), make("small", {}, say(`${kind}Help`))));
  }
  return make("fieldset", { class: "wm-content" }, make("legend", {}, say("content")), tiles);
}

function valueField(row) {
  const troubles = troublesOf(row, 0).filter((one) => one.field === "value");
  const take = (event) => {
    row.value = event.target.value.trim();
    changed(row.id);
    drawChat();
  };
  if (row.kind === "page") {
    return field("menu-value", say("address"), make("input", { class: "form-control", id: "menu-value", type: "url", inputmode: "url", placeholder: "https://", value: row.value, maxlength: 1024, disabled: !isEditable, on: { input: take } }), null, troubles).box;
  }
  if (row.kind === "builtin") {
    const select = make("select", { class: "form-select", id: "menu-value", disabled: !isEditable, on: { change: (event) => {
      row.value = event.target.value;
      changed(row.id);
      draw();
    } } }, make("option", { value: "" }, say("choosePage")), ...pages.map((page) => make("option", { value: page.name, selected: page.name === row.value }, page.label)));
    return field("menu-value", say("pageLabel"), select, pages.length ? null : make("small", { class: "zg-muted" }, say("noPages")), troubles).box;
  }
  if (row.kind === "reply") {
    const area = make("textarea", { class: "form-control", id: "menu-value", rows: 5, maxlength: limits.reply, disabled: !isEditable, on: { input: take } });
    area.value = row.value;
    return field("menu-value", say("answer"), area, make("small", { class: "zg-muted" }, say("answerHelp")), troubles).box;
  }
  if (row.kind === "scan") return make("p", { class: "zg-muted" }, say("scanMore"));
  return troubles.length ? make("p", { class: "wm-wrong", role: "alert" }, troubles[0].text) : null;
}

function tools(place) {
  if (!isEditable) return null;
  const { row, list, at, above } = place;
  const step = (by, name, label) => make("button", { class: "btn btn-small", type: "button", "data-move": by, disabled: at + by < 0 || at + by >= list.length, on: { click: () => move(row.id, by) } }, icon(name), label);
  return make("div", { class: "wm-tools" },
    step(-1, above ? "up" : "left", say(above ? "up" : "left")),
    step(1, above ? "down" : "right", say(above ? "down" : "right")),
    make("button", { class: "btn btn-small btn-quiet-danger", type: "button", on: { click: () => remove(row.id) } }, icon("trash"), say("remove")));
}

function drawPanel() {
  const panel = document.querySelector("[data-menu-panel]");
  const place = find(state.chosen);
  if (!place) {
    panel.replaceChildren(make("div", { class: "wm-nothing" }, icon("pointer"), make("p", {}, say(state.menu.length ? "chooseRow" : "empty"))));
    return;
  }
  const level = levelOf(place);
  const { row } = place;
  const rowTroubles = troublesOf(row, level).filter((one) => one.field === "row");
  const parts = [
    make("div", { class: "wm-head" }, make("h2", {}, say(level ? "entry" : "button")), tools(place)),
    ...rowTroubles.map((one) => make("p", { class: "wm-wrong", role: "alert" }, one.text)),
    nameField(row, level),
  ];
  if (row.entries.length) parts.push(make("p", { class: "zg-muted" }, say("hasEntries", { n: row.entries.length })));
  else parts.push(kindField(row), valueField(row));
  if (level === 0 && isEditable && row.entries.length < limits.entries) {
    parts.push(make("button", { class: "btn wm-more", type: "button", on: { click: () => addEntry(row) } }, icon("plus"), say("addEntry")));
  }
  panel.replaceChildren(...parts.filter(Boolean));
}

function draw() {
  drawBar();
  drawChat();
  drawPanel();
}

if (isEditable) form.elements.content.value = JSON.stringify(state.menu);
const faulty = state.problems.find((one) => !one.hint && find(one.row));
if (faulty) choose(faulty.row);
else if (state.menu.length) choose(state.menu[0].id);
else draw();
