// Dialogs: opened by buttons, closed by Escape, the veil or a button; hx-confirm asks in one too.
import { all, once, text } from "./texts.js";

const SECOND_TAP_MS = 400;

export function open(dialog) {
  if (dialog.hasAttribute("open")) return;
  if (dialog.showModal) dialog.showModal();
  else {
    dialog.classList.add("is-plain"); // iOS before 15.4: not modal, but usable
    dialog.setAttribute("open", "");
  }
}

export function close(dialog) {
  if (dialog.close) dialog.close();
  else dialog.removeAttribute("open");
  shield();
}

// the second tap of a double tap must not reach what lay behind the dialog
function shield() {
  const glass = document.createElement("div");
  glass.className = "zg-shield";
  document.body.append(glass);
  setTimeout(() => glass.remove(), SECOND_TAP_MS);
}

export function scan(root) {
  for (const dialog of all(root, "[data-dialog-now]")) if (once(dialog, "Now")) open(dialog);
}

// "Undo it? The customer is told." asks in the head and explains below; data-yes says what is done.
function ask(question, wish) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.className = "zg-dialog";
    const head = document.createElement("div");
    head.className = "zg-dialog-head";
    const title = document.createElement("h2");
    const [, asked, more] = /^(.+?[?？])\s*(.+)$/s.exec(question) ?? [];
    title.textContent = asked ?? text("confirm");
    head.append(title);
    const body = document.createElement("div");
    body.className = "zg-dialog-body";
    body.textContent = more ?? question;
    const foot = document.createElement("div");
    foot.className = "zg-dialog-foot";
    const no = button(text("no"), "btn");
    const yes = button(wish || text("yes"), "btn btn-primary");
    foot.append(no, yes);
    dialog.append(head, body, foot);
    document.body.append(dialog);
    const end = (answer) => {
      close(dialog);
      dialog.remove();
      resolve(answer);
    };
    no.addEventListener("click", () => end(false));
    yes.addEventListener("click", () => end(true));
    dialog.addEventListener("cancel", () => end(false));
    open(dialog);
    no.focus();
  });
}

function button(label, css) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = css;
  made.textContent = label;
  return made;
}

export function start() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen);
      if (dialog) {
        event.preventDefault();
        opener.closest("details[open]")?.removeAttribute("open");
        open(dialog);
      }
      return;
    }
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) close(closer.closest("dialog"));
    else if (event.target.matches("dialog.zg-dialog")) close(event.target); // the veil
  });
  document.addEventListener("htmx:confirm", (event) => {
    const question = event.detail.question;
    if (!question) return;
    event.preventDefault();
    ask(question, event.detail.elt.dataset.yes).then((isSure) => { if (isSure) event.detail.issueRequest(true); });
  });
}
