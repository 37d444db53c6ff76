// Draws what the one real input holds into boxes. Full-width digits, blanks and words around a
// pasted code are taken off; a code of the wrong length is refused before it can count as a try.
import { all, once, text } from "./texts.js";

function fold(value) {
  return value.normalize("NFKC").replace(/\D/g, "");
}

function setUp(field) {
  const length = Number(field.dataset.digits);
  const input = field.querySelector("input");
  const boxes = field.querySelectorAll(".zg-digits-boxes span");
  const hint = field.parentElement.querySelector("[data-digits-hint]");
  const say = (got) => {
    if (hint) hint.textContent = got === null ? "" : text("digits", { wanted: length, got });
    field.classList.toggle("is-wrong", got !== null);
  };
  const draw = () => {
    const at = Math.min(input.value.length, length - 1);
    boxes.forEach((box, number) => {
      box.textContent = input.value[number] ?? "";
      box.classList.toggle("is-filled", Boolean(input.value[number]));
      box.classList.toggle("is-here", number === at);
    });
  };
  const take = (typed) => {
    input.value = fold(typed).slice(0, length);
    input.setSelectionRange(input.value.length, input.value.length);
    draw();
    if (input.value.length === length) {
      input.dispatchEvent(new CustomEvent("digits:complete", { bubbles: true }));
    }
  };
  input.addEventListener("input", (event) => {
    if (event.isComposing) return; // a Chinese keyboard is still choosing
    say(null);
    take(input.value);
  });
  input.addEventListener("compositionend", () => take(input.value));
  input.addEventListener("paste", (event) => {
    event.preventDefault();
    const digits = fold(event.clipboardData?.getData("text") ?? "");
    if (digits.length === length) {
      say(null);
      take(digits);
    } else {
      say(digits.length);
    }
  });
  for (const name of ["focus", "click", "keyup"]) {
    input.addEventListener(name, () => input.setSelectionRange(input.value.length, input.value.length));
  }
  input.addEventListener("invalid", (event) => {
    event.preventDefault(); // the browser's own bubble speaks the browser's language, not the page's
    say(input.value.length);
    input.focus();
  });
  input.form?.addEventListener("submit", (event) => {
    if (input.value.length === length || !input.value) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    say(input.value.length);
    input.focus();
  }, true);
  take(input.value);
}

export function scan(root) {
  for (const field of all(root, "[data-digits]")) if (once(field, "Digits")) setUp(field);
}
