// Keeps the screen awake while a code is shown, where the browser can.
import { all, once } from "./texts.js";

let lock = null;

async function hold() {
  if (lock || document.hidden || !navigator.wakeLock || !document.querySelector("[data-wake]")) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => { lock = null; });
  } catch {
    lock = null; // battery saver: the screen may sleep
  }
}

export function scan(root) {
  for (const element of all(root, "[data-wake]")) if (once(element, "Wake")) hold();
}

document.addEventListener("visibilitychange", hold);
