// Time left as ring and text. Counts from the seconds the server gave, so the device's clock may be
// wrong; says countdown:done once, which pages and htmx triggers can wait for.
import { all, once, text } from "./texts.js";

const LOW_S = 30;

function face(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function run(ring) {
  const total = Number(ring.dataset.total) || 1;
  const ends = Date.now() + Number(ring.dataset.countdown) * 1000;
  const arc = ring.querySelector("circle:last-child");
  const words = ring.querySelector(".zg-ring-text");
  const tick = () => {
    if (!ring.isConnected) return clearInterval(timer);
    const left = (ends - Date.now()) / 1000;
    arc?.setAttribute("stroke-dashoffset", String(100 - Math.max(0, Math.min(1, left / total)) * 100));
    words.textContent = left > 0 ? face(left) : text("expired");
    ring.classList.toggle("is-low", left > 0 && left <= LOW_S);
    if (left > 0) return undefined;
    clearInterval(timer);
    ring.classList.add("is-over");
    ring.closest("[data-qr]")?.classList.add("is-over");
    ring.dispatchEvent(new CustomEvent("countdown:done", { bubbles: true }));
    if (ring.dataset.done === "reload") location.reload();
    return undefined;
  };
  const timer = setInterval(tick, 500);
  tick();
}

export function scan(root) {
  for (const ring of all(root, "[data-countdown]")) {
    // one that arrived expired stays quiet: reloading again would never end
    if (once(ring, "Countdown") && Number(ring.dataset.countdown) > 0) run(ring);
  }
}
