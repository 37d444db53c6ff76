// One press, one request, and none into the void: a form is sent once the server is known to answer,
// so that nothing typed is lost to the browser's error page. Filters that apply themselves; a
// question before changes get lost; rows that open on click.
import { trouble } from "./network.js";
import { text } from "./texts.js";
import { toast } from "./toast.js";

function busy(form, isBusy) {
  for (const button of form.querySelectorAll("button[type=submit], button:not([type])")) {
    if (isBusy) button.setAttribute("aria-busy", "true");
    else button.removeAttribute("aria-busy");
  }
  if (isBusy) form.dataset.sending = "1";
  else delete form.dataset.sending;
}

let leavingOnPurpose = false;

async function sendOnceReached(form, pressed) {
  const wrong = await trouble();
  if (!form.isConnected) return;
  const send = () => form.requestSubmit(pressed?.isConnected ? pressed : null);
  if (wrong) {
    busy(form, false);
    toast(text(wrong), { tone: "error", action: { label: text("retry"), run: send } });
    return;
  }
  form.dataset.reached = "1";
  send();
  if (!form.dataset.reached) return;
  delete form.dataset.reached; // meanwhile something was taken out that has to be there
  busy(form, false);
}

function sendNow(form) {
  delete form.dataset.reached;
  leavingOnPurpose = true;
  delete form.dataset.changed;
  // the answer is a file and the page stays: the button works again after a moment
  if (form.matches("[data-download]")) setTimeout(() => busy(form, false), 4000);
}

function submitted(event) {
  const form = event.target;
  if (event.defaultPrevented && !form.dataset.sending) return;
  if (!form.matches("[data-once], [method=post]")) return;
  if (form.dataset.reached) {
    sendNow(form);
    return;
  }
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  busy(form, true);
  if (form.method !== "post" || !form.requestSubmit) {
    sendNow(form);
    return;
  }
  event.preventDefault();
  sendOnceReached(form, event.submitter);
}

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
  document.addEventListener("submit", submitted);
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
