// Short messages that come and go. Errors stay until they are closed.
import { all, once, text } from "./texts.js";

const STAYS_MS = 5000;

// An open dialog covers everything else: messages stand in it while it is there.
function settle() {
  const dialogs = document.querySelectorAll("dialog[open]");
  const place = dialogs[dialogs.length - 1] ?? document.body;
  const toasts = document.getElementById("zg-toasts");
  if (toasts && toasts.parentElement !== place) place.append(toasts);
}

export function toast(message, { tone = "info", action = null } = {}) {
  const box = document.createElement("div");
  box.className = `zg-toast zg-is-${tone}`;
  box.dataset.toast = "";
  const words = document.createElement("div");
  words.className = "zg-toast-text";
  words.textContent = message;
  box.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "zg-toast-action";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      leave(box);
      action.run();
    });
    box.append(button);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", text("close"));
  close.textContent = "✕";
  box.append(close);
  settle();
  for (const same of document.querySelectorAll("#zg-toasts .zg-toast-text")) {
    if (same.textContent === message) same.parentElement.remove(); // said once is enough
  }
  document.getElementById("zg-toasts")?.append(box);
  scan(box);
  return box;
}

function leave(box) {
  box.classList.add("is-leaving");
  setTimeout(() => box.remove(), 200);
}

export function scan(root) {
  for (const box of all(root, "[data-toast]")) {
    if (!once(box, "Toast") || box.matches(".zg-is-error, .zg-is-danger")) continue;
    if (!box.closest("#zg-toasts") || box.querySelector(".zg-toast-action")) continue;
    let timer = setTimeout(() => leave(box), STAYS_MS);
    box.addEventListener("mouseenter", () => clearTimeout(timer));
    box.addEventListener("mouseleave", () => { timer = setTimeout(() => leave(box), STAYS_MS); });
  }
}

export function start() {
  document.addEventListener("close", settle, true);
  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-toast-close]");
    if (close) leave(close.closest("[data-toast]"));
  });
  // an htmx answer may say: HX-Trigger: {"toast": {"tone": "success", "text": "..."}}
  document.addEventListener("toast", (event) => toast(event.detail.text, { tone: event.detail.tone }));
}
