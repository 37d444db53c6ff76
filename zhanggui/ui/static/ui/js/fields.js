// What a field says of itself while it is filled in: what is missing, in the page's own words and
// not in the browser's bubble, and how many characters are left before no more are taken. Browsers
// count an emoji as two, the server as one. What a file input holds is told in the page's language.
import { all, text } from "./texts.js";

const NEAR = 0.8; // from here on the length is told
const COUNTED = "input[type=text][maxlength], input:not([type])[maxlength], textarea[maxlength]";
const UNITS = 2; // of the browser's counting, at most, for one sign

function placeOf(input) {
  return input.closest(".zg-field, .zg-check, label") ?? input.parentElement;
}

function lineIn(place, kind, css) {
  const known = place.querySelector(`[data-${kind}]`);
  if (known) return known;
  const line = document.createElement("p");
  line.className = css;
  line.dataset[kind] = "";
  line.setAttribute("role", kind === "said" ? "alert" : "status");
  const help = place.querySelector(".zg-help");
  if (help) help.before(line);
  else place.append(line);
  return line;
}

function missing(event) {
  if (event.defaultPrevented) return;
  event.preventDefault();
  const input = event.target;
  const isEmpty = input.validity.valueMissing;
  const line = lineIn(placeOf(input), "said", "zg-field-error");
  line.textContent = isEmpty ? input.dataset.missing || text("missing") : text("wrong");
  input.setAttribute("aria-invalid", "true");
  if (input.form?.querySelector(":invalid:not(fieldset)") === input) input.focus();
}

function settled(input) {
  if (!input.matches("[aria-invalid]") || !input.validity.valid) return;
  const line = placeOf(input).querySelector("[data-said]");
  if (!line) return;
  line.remove();
  input.removeAttribute("aria-invalid");
}

// the field's own limit only has to let everything in that the server takes
function limitOf(input) {
  const { most } = input.dataset;
  if (most) return Number(most);
  const limit = Number(input.getAttribute("maxlength"));
  input.dataset.most = limit;
  input.setAttribute("maxlength", limit * UNITS);
  return limit;
}

// what was just typed or pasted is shortened, as the browser does it, not the end of the text
function cut(input, most) {
  const before = [...input.value.slice(0, input.selectionStart)];
  const after = [...input.value.slice(input.selectionStart)];
  const length = before.length + after.length;
  if (length <= most) return length;
  const kept = before.slice(0, Math.max(0, most - after.length)).join("");
  input.value = kept + after.slice(0, most).join("");
  input.setSelectionRange(kept.length, kept.length);
  return most;
}

function count(input) {
  const most = limitOf(input);
  const length = cut(input, most);
  const place = input.closest(".zg-field");
  if (!place || input.inputMode === "numeric") return;
  if (length < most * NEAR) {
    place.querySelector("[data-length]")?.remove();
    return;
  }
  const line = lineIn(place, "length", "zg-help");
  line.textContent = text(length >= most ? "longest" : "length", { length, most });
}

function tellFile(input) {
  const told = input.closest(".zg-file").querySelector("[data-file-name]");
  const names = Array.from(input.files, (file) => file.name).join(", ");
  told.textContent = names || input.dataset.kept || told.dataset.none;
  told.classList.toggle("is-chosen", told.textContent !== told.dataset.none);
  input.title = told.textContent; // else the browser says it, in its own language
}

export function scan(root) {
  for (const input of all(root, ".zg-file > input")) tellFile(input);
}

export function start() {
  document.addEventListener("change", (event) => {
    if (event.target.matches(".zg-file > input")) tellFile(event.target);
  });
  window.addEventListener("pageshow", () => scan(document)); // browsers keep a file over the way back
  document.addEventListener("invalid", missing, true);
  document.addEventListener("focusin", (event) => {
    if (event.target.matches(COUNTED)) limitOf(event.target);
  });
  for (const kind of ["input", "change", "compositionend"]) {
    document.addEventListener(kind, (event) => {
      if (!event.target.form) return;
      settled(event.target);
      if (!event.isComposing && event.target.matches(COUNTED)) count(event.target);
    });
  }
}
