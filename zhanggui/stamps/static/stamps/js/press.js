// A stamp laid on the screen: records its touches from the first contact to the release and sends
// them as they are. iOS tells all contacts at once, Android one after the other, so nothing is
// decided here; the server does.
const FEWEST = 3; // two fingers are a pinch
const LONGEST_MS = 3000;
const MOST_FRAMES = 200;
const MANY_FAILURES = 3;
const SIX = 6;

let run = null;
let failures = 0;
let isSending = false;

const zoneOf = (target) => target?.closest?.("[data-press]") ?? null;
const token = () => document.querySelector("meta[name=csrf-token]")?.content ?? "";
const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

// One random name for this phone, so that enrolment can ask for two of them.
function phone() {
  try {
    const known = localStorage.getItem("zg-phone") ?? fresh();
    localStorage.setItem("zg-phone", known);
    return known;
  } catch {
    return "";
  }
}

function hint(zone, name) {
  const words = document.querySelector(`template[data-hint="${name}"]`)?.content.textContent ?? "";
  const place = zone.querySelector("[data-press-hint]");
  if (place && words) place.textContent = words;
}

function post(url, values) {
  return fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": token(), "HX-Request": "true" },
    body: new URLSearchParams(values),
  });
}

async function allow(zone) {
  if (!zone.dataset.allow) return "";
  const answer = await post(zone.dataset.allow, { kind: zone.dataset.press, again: zone.dataset.again ?? "" });
  return answer.ok ? (await answer.json()).nonce : "";
}

function begin(zone, now) {
  const box = zone.getBoundingClientRect();
  run = { zone, box, now, frames: [], most: 0, nonce: null };
  run.timer = setTimeout(() => { if (run && run.most >= FEWEST) { hint(run.zone, "long"); finish(null); } }, LONGEST_MS);
}

function drop() {
  if (run) clearTimeout(run.timer);
  run = null;
}

function note(event) {
  const touches = Array.from(event.touches).filter((one) => zoneOf(one.target) === run.zone || !one.target.isConnected);
  if (run.frames.length < MOST_FRAMES) {
    run.frames.push([Math.round(event.timeStamp - run.now), touches.map((one) => [one.identifier % 1000, one.clientX - run.box.left, one.clientY - run.box.top])]);
  }
  run.most = Math.max(run.most, touches.length);
  if (touches.length >= 2 && run.nonce === null) run.nonce = allow(run.zone).catch(() => "");
  return touches.length;
}

async function finish(released) {
  const { zone, box, frames, nonce } = run;
  drop();
  if (isSending) return;
  isSending = true;
  zone.classList.add("is-sending");
  const press = JSON.stringify({ screen: [screen.width, screen.height, window.devicePixelRatio], area: [box.width, box.height], frames, released });
  const values = { kind: zone.dataset.press, press, nonce: (await nonce) ?? "", key: fresh(), more: zone.dataset.more ?? "", phone: phone() };
  try {
    await show(zone, await post(zone.dataset.send, values).catch(() => post(zone.dataset.send, values)));
  } catch {
    hint(zone, "lost");
  } finally {
    isSending = false;
    zone.classList.remove("is-sending");
  }
}

async function show(zone, answer) {
  const way = answer.headers.get("HX-Redirect");
  if (way) {
    location.assign(way);
    return;
  }
  if (answer.status === 401) {
    location.reload();
    return;
  }
  if (answer.status >= 500) throw new Error(String(answer.status));
  failures = answer.ok ? 0 : failures + 1;
  if (failures >= MANY_FAILURES) document.querySelector(".stamps-corner")?.classList.add("is-large");
  window.htmx.swap(zone.dataset.target ?? "#layer", await answer.text(), { swapStyle: "innerHTML" });
}

function onStart(event) {
  const zone = run?.zone ?? zoneOf(event.target);
  if (!zone || isSending) return;
  if (!run) begin(zone, event.timeStamp);
  if (note(event) >= 2) event.preventDefault();
}

function onMove(event) {
  if (run && note(event) >= 2) event.preventDefault();
}

function onEnd(event) {
  if (!run) return;
  const released = Math.round(event.timeStamp - run.now);
  if (run.most >= FEWEST) {
    note(event);
    event.preventDefault();
    finish(released);
  } else if (event.touches.length === 0) {
    drop();
  }
}

function onCancel(event) {
  if (!run) return;
  const { zone, most } = run;
  if (most >= SIX) hint(zone, "fingers");
  else if (most >= 2 && most < 5) hint(zone, "gesture");
  if (most >= 5 && most < SIX) finish(Math.round(event.timeStamp - run.now));
  else drop();
}

// What the test of this phone found: where stamps are not felt, the code comes first.
function heedDoctor() {
  let verdict = "";
  try {
    verdict = localStorage.getItem("zg-doctor") ?? "";
  } catch {
    // Nothing is known without storage.
  }
  if (verdict !== "few" && verdict !== "gesture") return;
  document.querySelector(".stamps-corner")?.classList.add("is-large");
  const zone = document.querySelector("[data-press=accumulate]");
  if (zone) hint(zone, verdict === "gesture" ? "gesture" : "unfelt");
}

heedDoctor();
document.addEventListener("touchstart", onStart, { passive: false });
document.addEventListener("touchmove", onMove, { passive: false });
document.addEventListener("touchend", onEnd, { passive: false });
document.addEventListener("touchcancel", onCancel);
document.addEventListener("contextmenu", (event) => { if (zoneOf(event.target)) event.preventDefault(); });
