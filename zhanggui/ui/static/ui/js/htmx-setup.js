// What htmx may do and what happens when an answer is no answer.
import { text } from "./texts.js";
import { toast } from "./toast.js";

const READS = new Set(["get", "head"]);

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("meta[name=csrf-token]")?.content;
  if (token && !READS.has(event.detail.verb)) event.detail.headers["X-CSRFToken"] = token;
});

function again(source) {
  return { label: text("retry"), run: () => window.htmx.trigger(source, "retry") };
}

// Polling goes on by itself; only what a person started is told and offered again.
function isPolling(element) {
  return /every/.test(element.getAttribute?.("hx-trigger") ?? "");
}

document.addEventListener("htmx:responseError", (event) => {
  const { xhr, elt } = event.detail;
  if (xhr.status === 401 && document.body.classList.contains("zg-phone-body")) {
    location.reload(); // inside WeChat opening the page anew signs in again, silently
  } else if (xhr.status === 401) {
    const login = document.querySelector("meta[name=login-url]")?.content || "/login";
    location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
  } else if (!isPolling(elt)) {
    toast(text("server"), { tone: "error", action: retryOf(event) });
  }
});

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    if (!isPolling(event.detail.elt)) toast(text("network"), { tone: "error", action: retryOf(event) });
  });
}

function retryOf(event) {
  const { elt } = event.detail;
  if (elt.matches("form")) return { label: text("retry"), run: () => elt.requestSubmit?.() };
  if (elt.matches("a, button")) return { label: text("retry"), run: () => elt.click() };
  return again(elt);
}
