// Small helpers to build elements; no markup is ever made from strings.

/** Make an element: `h("button", { class: "x", onclick: f }, "text", child)`. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

const SHAPES = {
  back: ["M15 4.5 7.5 12l7.5 7.5"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  more: ["M5.5 12h.01", "M12 12h.01", "M18.5 12h.01"],
  search: ["M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Z", "M15.5 15.5 20 20"],
  scan: ["M4 8.5V6a2 2 0 0 1 2-2h2.5", "M15.5 4H18a2 2 0 0 1 2 2v2.5", "M20 15.5V18a2 2 0 0 1-2 2h-2.5", "M8.5 20H6a2 2 0 0 1-2-2v-2.5", "M4 12h16"],
  person: ["M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z", "M4.5 20c.6-4 3.7-6 7.5-6s6.9 2 7.5 6"],
  people: ["M9 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7Z", "M2.5 19.5c.5-3.6 3.2-5.5 6.5-5.5s6 1.9 6.5 5.5", "M16 5.5a3.2 3.2 0 0 1 0 6.2", "M18 14.5c2 .8 3.2 2.5 3.5 5"],
  chat: ["M12 4.5c4.7 0 8.5 3.1 8.5 7s-3.8 7-8.5 7c-1 0-2-.1-2.9-.4L5 20l.9-3.100c-1.5-1.3-2.4-3.2-2.4-5.4 0-3.9 3.8-7 8.5-7Z"],
  compass: ["M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Z", "M15.5 8.5l-2 5-5 2 2-5Z"],
  keyboard: ["M3.5 7h17v10h-17Z", "M7 10.5h.01", "M10.3 10.5h.01", "M13.7 10.5h.01", "M17 10.5h.01", "M8 14h8"],
  menu: ["M5 7h14", "M5 12h14", "M5 17h14"],
  refresh: ["M19 12a7 7 0 1 1-2.1-5", "M19.5 4v4h-4"],
  copy: ["M8.5 8.5h11v11h-11Z", "M15.5 8.5v-4h-11v11h4"],
  open: ["M13.5 4.5h6v6", "M19.5 4.5l-9 9", "M17.5 14v5.5h-13v-13H10"],
  picture: ["M4 5h16v14H4Z", "M4 16l4.5-4.5 4 4 3-3L20 17", "M15.5 9h.01"],
  plus: ["M12 5v14", "M5 12h14"],
  right: ["M9.5 5.5 16 12l-6.5 6.5"],
  down: ["M6 9.5l6 6 6-6"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  warning: ["M12 4l9 16H3Z", "M12 10v4.5", "M12 17.200v.01"],
  shield: ["M12 3.5 5 6v5.5c0 4.500 2.900 7.600 7 9 4.100-1.400 7-4.500 7-9V6Z", "M9 12l2.200 2.200L15.200 10"],
  phone: ["M8 3.5h8a1.5 1.5 0 0 1 1.5 1.5v14a1.5 1.5 0 0 1-1.5 1.5H8A1.5 1.5 0 0 1 6.5 19V5A1.5 1.5 0 0 1 8 3.5Z", "M11 17.5h2"],
  sms: ["M4.5 5h15A1.500 1.500 0 0 1 21 6.500v9a1.500 1.500 0 0 1-1.500 1.500H10l-4.500 3.500V17h-1A1.500 1.500 0 0 1 3 15.500v-9A1.500 1.500 0 0 1 4.500 5Z", "M8 11h.01", "M12 11h.01", "M16 11h.01"],
  wallet: ["M4.5 6.5h14a1.500 1.500 0 0 1 1.500 1.500v10a1.500 1.500 0 0 1-1.500 1.500h-14A1.500 1.500 0 0 1 3 18V6a1.500 1.500 0 0 1 1.500-1.500H17", "M20 11h-4.500a2 2 0 0 0 0 4H20"],
  camera: ["M4 8h3l1.500-2.500h7L17 8h3v11H4Z", "M12 10.500a3 3 0 1 1 0 6 3 3 0 0 1 0-6Z"],
  sliders: ["M4 7h9", "M17 7h3", "M15 4.500v5", "M4 17h3", "M11 17h9", "M9 14.500v5"],
  clock: ["M12 3.500a8.500 8.500 0 1 1 0 17 8.500 8.500 0 0 1 0-17Z", "M12 7.500V12l3 2"],
  list: ["M9 6.5h11", "M9 12h11", "M9 17.5h11", "M4.5 6.5h.01", "M4.5 12h.01", "M4.5 17.5h.01"],
  shop: ["M4 10v9.5h16V10", "M3 10l2-5.5h14l2 5.5", "M3 10a3 3 0 0 0 6 0 3 3 0 0 0 6 0 3 3 0 0 0 6 0"],
};

/** A line icon of 24 units. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  for (const shape of SHAPES[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", shape);
    svg.append(path);
  }
  return svg;
}

const COLOURS = ["#C2362B", "#2F7D6B", "#8F5B0E", "#7A2E4A", "#2B4C7E", "#4F6B2D", "#A0522D", "#5B4B8A"];

/** The tile of a person: colour and text. */
export function portrait(person) {
  const tile = h("span", { class: "tile", "aria-hidden": "true" }, person.avatar.text);
  tile.style.backgroundColor = person.avatar.colour;
  return tile;
}

/** The tile of an account: an emoji or short text, else the name's first character on a colour. */
export function emblem(account) {
  const wish = account.avatar || "";
  const isColour = wish.startsWith("#");
  const text = wish && !isColour ? [...wish].slice(0, 2).join("") : [...account.name][0];
  const tile = h("span", { class: "tile", "aria-hidden": "true" }, text);
  let sum = 0;
  for (const one of account.appid) sum = (sum * 31 + one.codePointAt(0)) % 9973;
  const isWord = /^[\p{L}\p{N}]/u.test(text);
  if (isColour) tile.style.backgroundColor = wish;
  else if (isWord) tile.style.backgroundColor = COLOURS[sum % COLOURS.length];
  else tile.classList.add("tile-emoji");
  return tile;
}

const BEIJING_S = 8 * 3600;
const DAY_S = 86400;
const NEAR = { [-1]: "昨天", 1: "明天" };

/** A moment whose UTC parts are the wall clock in Beijing, where these phones are. */
export const beijing = (seconds) => new Date((seconds + BEIJING_S) * 1000);

const two = (number) => String(number).padStart(2, "0");

/** 14:30, 昨天 14:30, 11月20日 14:30. */
export function moment(seconds, now = Date.now() / 1000, { short = false } = {}) {
  const at = beijing(seconds);
  const days = Math.floor((seconds + BEIJING_S) / DAY_S) - Math.floor((now + BEIJING_S) / DAY_S);
  const clock = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  if (days === 0) return clock;
  const date = NEAR[days] ?? `${at.getUTCMonth() + 1}月${at.getUTCDate()}日`;
  return short ? date : `${date} ${clock}`;
}

/** Ask a JSON interface; throws an Error whose message can be shown. */
export async function ask(method, url, body) {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error("连不上沙箱，请确认它还在运行。");
  }
  if (answer.status === 204) return null;
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(data.error || `沙箱回答了 ${answer.status}`), { code: data.code });
  return data;
}

/** Copy text, also inside frames and old browsers. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { class: "offscreen", readonly: true, value: text });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
