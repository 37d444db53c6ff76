// The sign-in inside a frame: tells the site around it, and only that one, that somebody is in.
import { start } from "../ui/js/forms.js";

start(); // one press, one request
const entered = document.querySelector("[data-entered]");
if (entered && window.parent !== window) {
  const { code, enter, origin } = entered.dataset;
  window.parent.postMessage({ type: "zhanggui.signed-in", code, enter }, origin);
}

for (const button of document.querySelectorAll("[data-sound]")) {
  button.addEventListener("click", () => new Audio(button.dataset.sound).play().catch(() => {}));
}
