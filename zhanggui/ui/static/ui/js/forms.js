// One press, one request; filters that apply themselves; a question before changes get lost;
// rows that open on click.
import { text } from "./texts.js";

function busy(form, isBusy) {
  for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) {
    if (isBusy) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }
  if (isBusy) form.dataset.sending = "1";
  else delete form.dataset.sending;
}

let leavingOnPurpose = false;

function watchChanges() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-unsaved]");
    if (form) form.dataset.changed = "1";
  });
  window.addEventListener("beforeunload", (event) => {
    if (leavingOnPurpose || !document.querySelector("form[data-changed]")) return;
    event.preventDefault();
    event.returnValue = text("unsaved");
  });
}

function openRow(event) {
  const row = event.target.closest("tr.is-link");
  if (!row || event.target.closest("a, button, input, select, label, summary, details")) return;
  if (String(getSelection())) return; // somebody is copying a text
  const link = row.querySelector("a.row-link");
  if (!link) return;
  if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
  else link.click();
}

export function start() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented && !form.dataset.sending) return;
    if (!form.matches("[data-once], [method=post]")) return;
    if (form.matches("[data-download]")) {
      // the answer is a file and the page stays: the button works again after a moment
      if (!form.dataset.sending) setTimeout(() => busy(form, false), 4000);
    }
    if (form.dataset.sending) {
      event.preventDefault();
      return;
    }
    leavingOnPurpose = true;
    delete form.dataset.changed;
    busy(form, true);
  });
  // coming back by the back button must not find dead buttons
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    leavingOnPurpose = false;
    document.querySelectorAll("form[data-sending]").forEach((form) => busy(form, false));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest?.("form");
    if (form) busy(form, false);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-filters]");
    if (form && event.target.matches("select, [type=checkbox], [type=radio], [type=date]")) {
      form.requestSubmit ? form.requestSubmit() : form.submit();
    }
  });
  document.addEventListener("click", openRow);
  watchChanges();
}
