// Five fingers on a page of the in-app browser, for pages that read a stamp laid on the screen.
//
// With a touch screen the fingers themselves count. With a mouse up to six points are placed, from a
// pattern, from a physical stamp pasted as JSON or one by one, and pressed together. The page gets pointer and touch events as
// from a phone; where a browser cannot make touch events it gets a message instead:
// { type: "wechat-sandbox:touch", phase: "start" | "move" | "end", touches: [{ id, x, y }] }.

import { h, icon } from "../dom.js";
import { toast } from "./feedback.js";
import { pressed, readPattern, stamps, keepStamp } from "./stamps.js";

export const MOST = 6;
const HOLD_MS = 350;
const STEP_MS = 12;
const RADIUS = 12;
const KEY = "sandbox-touch-points";

/** Patterns around the middle, in units of the spacing. */
const circle = (count) => Array.from({ length: count }, (_, place) => {
  const angle = (place / count) * 2 * Math.PI - Math.PI / 2;
  return [Math.cos(angle), Math.sin(angle)];
});
const PATTERNS = [
  ["五角", circle(5)],
  ["十字", [[0, 0], [0, -1], [1, 0], [0, 1], [-1, 0]]],
  ["四角", [[-1, -1], [1, -1], [1, 1], [-1, 1]]],
  ["三点", circle(3)],
  ["一排", [[-2, 0], [-1, 0], [0, 0], [1, 0], [2, 0]]],
];

/** Sends fingers to a page: what is down is told again with every event. */
export class Fingers {
  constructor(view) {
    this.view = view;
    this.down = new Map();
  }

  /** Put a finger down, move it, or (`x` null) lift it. */
  set(id, x, y) {
    const known = this.down.get(id);
    if (x === null) {
      if (!known) return;
      this.down.delete(id);
      this.tell("end", known);
      return;
    }
    const target = known?.target ?? this.view.document.elementFromPoint(x, y) ?? this.view.document.body;
    const finger = { id, x, y, target };
    this.down.set(id, finger);
    this.tell(known ? "move" : "start", finger);
  }

  lift() {
    for (const id of [...this.down.keys()].reverse()) this.set(id, null);
  }

  tell(phase, finger) {
    const names = { start: "pointerdown", move: "pointermove", end: "pointerup" };
    finger.target.dispatchEvent(new this.view.PointerEvent(names[phase], {
      bubbles: true, cancelable: true, composed: true, pointerId: finger.id + 10, pointerType: "touch",
      isPrimary: finger.id === 0, clientX: finger.x, clientY: finger.y, width: 2 * RADIUS, height: 2 * RADIUS,
      pressure: phase === "end" ? 0 : 0.5, buttons: phase === "end" ? 0 : 1,
    }));
    try {
      this.touch(phase, finger);
    } catch {
      const touches = [...this.down.values()].map(({ id, x, y }) => ({ id, x, y }));
      this.view.postMessage({ type: "wechat-sandbox:touch", phase, touches }, this.view.location.origin);
    }
  }

  touch(phase, finger) {
    const { Touch, TouchEvent, scrollX, scrollY } = this.view;
    const made = (one) => new Touch({
      identifier: one.id, target: one.target, clientX: one.x, clientY: one.y, pageX: one.x + scrollX, pageY: one.y + scrollY,
      screenX: one.x, screenY: one.y, radiusX: RADIUS, radiusY: RADIUS, force: 0.5,
    });
    const touches = [...this.down.values()].map(made);
    finger.target.dispatchEvent(new TouchEvent(`touch${phase}`, {
      bubbles: true, cancelable: phase !== "end", composed: true,
      touches, targetTouches: touches.filter((one) => one.target === finger.target), changedTouches: [made(finger)],
    }));
  }
}

/** Lay the pad over `frame`; a second call takes it away. */
export function touchpad(frame, host) {
  const open = host.querySelector(".touchpad");
  if (open) {
    open.remove();
    return;
  }
  const fingers = new Fingers(frame.contentWindow);
  const area = h("div", { class: "touch-area", role: "application", "aria-label": "触屏，点一下放一个点" });
  const count = h("span", { class: "touch-count", role: "status" });
  const field = h("input", { class: "field", "aria-label": "坐标", placeholder: "x,y x,y …", autocomplete: "off" });
  const turn = h("input", { type: "range", min: "0", max: "355", step: "5", value: "0", "aria-label": "转动" });
  const spread = h("input", { type: "range", min: "20", max: "120", step: "2", value: "60", "aria-label": "间距" });
  const press = h("button", { type: "button", class: "button primary small" }, "按下");
  let points = kept();
  let pattern = null;
  let stamp = null;
  let middle = null;

  const choice = h("select", { class: "field", "aria-label": "印章" });
  const paste = h("input", { class: "field", "aria-label": "印章图案", placeholder: "粘贴印章坐标（JSON 或毫米 x,y x,y …）", autocomplete: "off" });
  const noise = h("input", { type: "range", min: "0", max: "1", step: "0.1", value: "0.3", "aria-label": "噪声（毫米）" });
  const missing = h("input", { type: "checkbox" });
  const extra = h("input", { type: "checkbox" });

  const list = (name = "") => {
    choice.replaceChildren(h("option", { value: "" }, "不用印章"), ...stamps().map((one) => h("option", { value: one.name, selected: one.name === name }, one.name)));
    stamp = stamps().find((one) => one.name === choice.value) ?? null;
  };

  function kept() {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? [];
    } catch {
      return [];
    }
  }

  const draw = ({ typed = false } = {}) => {
    area.replaceChildren(...points.map(([x, y], place) => {
      const dot = h("button", { type: "button", class: "touch-dot", "aria-label": `第 ${place + 1} 个点`, title: "再点一下去掉" }, String(place + 1));
      dot.style.transform = `translate(${x}px, ${y}px)`;
      dot.addEventListener("click", (event) => { event.stopPropagation(); points.splice(place, 1); pattern = null; draw(); });
      return dot;
    }));
    count.textContent = `${points.length} / ${MOST} 个点`;
    press.disabled = !points.length;
    if (!typed) field.value = points.map(([x, y]) => `${Math.round(x)},${Math.round(y)}`).join(" ");
    try {
      localStorage.setItem(KEY, JSON.stringify(points));
    } catch {
      // Without storage the points last as long as the pad.
    }
  };

  const lay = () => {
    const { width, height } = area.getBoundingClientRect();
    if (stamp) {
      points = pressed(stamp.points, {
        x: middle?.[0] ?? width / 2, y: middle?.[1] ?? height / 2, turn: Number(turn.value), noise: Number(noise.value),
        missing: missing.checked, extra: extra.checked,
      });
      draw();
      return;
    }
    if (!pattern) return;
    const angle = (Number(turn.value) * Math.PI) / 180;
    const size = Number(spread.value);
    points = pattern.map(([x, y]) => [
      width / 2 + size * (x * Math.cos(angle) - y * Math.sin(angle)),
      height / 2 + size * (x * Math.sin(angle) + y * Math.cos(angle)),
    ]);
    draw();
  };

  area.addEventListener("click", (event) => {
    if (event.target !== area || event.pointerType === "touch") return;
    const box = area.getBoundingClientRect();
    if (stamp) { // the stamp is laid where the mouse points
      middle = [event.clientX - box.left, event.clientY - box.top];
      lay();
      return;
    }
    if (points.length >= MOST) {
      toast(`最多 ${MOST} 个点`);
      return;
    }
    points.push([event.clientX - box.left, event.clientY - box.top]);
    pattern = null;
    draw();
  });

  // Real fingers go straight through.
  const slots = new Map();
  const follow = (event) => {
    if (event.pointerType !== "touch") return;
    event.preventDefault();
    const box = area.getBoundingClientRect();
    if (event.type === "pointerdown") {
      const free = Array.from({ length: MOST }, (_, id) => id).find((id) => ![...slots.values()].includes(id));
      if (free === undefined) return;
      slots.set(event.pointerId, free);
    }
    const id = slots.get(event.pointerId);
    if (id === undefined) return;
    const isUp = event.type === "pointerup" || event.type === "pointercancel";
    fingers.set(id, isUp ? null : event.clientX - box.left, event.clientY - box.top);
    if (isUp) slots.delete(event.pointerId);
    count.textContent = slots.size ? `${slots.size} 根手指` : `${points.length} / ${MOST} 个点`;
  };
  for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) area.addEventListener(name, follow);

  press.addEventListener("click", async () => {
    if (stamp) lay(); // no two presses are alike
    press.disabled = true;
    area.classList.add("pressed");
    for (const [place, [x, y]] of points.entries()) {
      fingers.set(place, x, y);
      await new Promise((resolve) => { setTimeout(resolve, STEP_MS); });
    }
    await new Promise((resolve) => { setTimeout(resolve, HOLD_MS); });
    fingers.lift();
    area.classList.remove("pressed");
    press.disabled = false;
  });

  field.addEventListener("input", () => {
    points = [...field.value.matchAll(/(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)/g)].slice(0, MOST).map(([, x, y]) => [Number(x), Number(y)]);
    pattern = null;
    draw({ typed: true });
  });
  turn.addEventListener("input", lay);
  spread.addEventListener("input", lay);
  for (const one of [noise, missing, extra]) one.addEventListener("input", lay);
  choice.addEventListener("change", () => {
    stamp = stamps().find((one) => one.name === choice.value) ?? null;
    middle = null;
    lay();
  });
  paste.addEventListener("change", () => {
    const found = readPattern(paste.value);
    if (!found) {
      toast("没有读到五个点的毫米坐标");
      return;
    }
    keepStamp(found);
    list(found.name);
    paste.value = "";
    lay();
  });

  const pad = h("div", { class: "touchpad" },
    area,
    h("div", { class: "touch-tools" },
      h("div", { class: "touch-row" }, choice, paste),
      h("div", { class: "touch-row" }, h("label", {}, "噪声", noise), h("label", {}, missing, "缺一点"), h("label", {}, extra, "多一点")),
      h("div", { class: "touch-row" },
        PATTERNS.map(([label, shape]) => h("button", { type: "button", class: "button small", onclick: () => { pattern = shape; stamp = null; choice.value = ""; lay(); } }, label))),
      h("div", { class: "touch-row" }, h("label", {}, "间距", spread), h("label", {}, "转动", turn)),
      h("div", { class: "touch-row" }, field),
      h("div", { class: "touch-row" }, count,
        h("button", { type: "button", class: "button small", onclick: () => { points = []; pattern = null; stamp = null; choice.value = ""; draw(); } }, "清除"), press,
        h("button", { type: "button", class: "icon-button", "aria-label": "收起触屏", title: "收起触屏", onclick: () => { fingers.lift(); pad.remove(); } }, icon("close")))));
  host.append(pad);
  list();
  draw();
  press.focus();
}
