// The manager's desk: goes on by itself when six digits are in, keeps the preview honest when
// another number of stamps or another record is chosen, and gives the input back after a hold ran out.
// stamps beyond a full card begin the next round, and a stamp taken off a fresh round reopens the last
function shownAfter(form, count) {
  const slots = Number(form.querySelector("[data-before]").dataset.slots);
  if (count < 0) return count + slots;
  return count > slots ? count % slots : count;
}

function recount(form) {
  const after = form.querySelector("[data-after-number]");
  const before = Number(form.querySelector("[data-before]")?.dataset.before);
  const amount = form.querySelector("[name=amount]:checked");
  const record = form.querySelector("[name=record]:checked");
  const reason = form.querySelector("[data-reason]");
  if (amount) {
    after.textContent = String(shownAfter(form, before + Number(amount.value)));
    for (const win of form.querySelectorAll("[data-wins]")) {
      win.hidden = Number(win.dataset.wins) > Number(amount.value);
    }
    if (reason) {
      const isMore = Number(amount.value) > 1;
      reason.hidden = !isMore;
      reason.querySelector("input").required = isMore;
    }
  }
  if (record) {
    after.textContent = String(shownAfter(form, before - Number(record.dataset.amount)));
    for (const lost of form.querySelectorAll("[data-lost]")) lost.hidden = lost.dataset.lost !== record.value;
  }
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-preview] form");
  if (form) recount(form);
});

document.addEventListener("htmx:load", (event) => {
  const input = event.target.querySelector?.("[data-bar] input[name=digits]");
  if (input && !event.target.querySelector("dialog[open]")) input.focus({ preventScroll: true });
});

// on a small phone what has come begins at the top, not where the last thing ended
document.addEventListener("htmx:afterSwap", (event) => {
  const desk = event.target.closest?.("#desk");
  if (!desk) return;
  const { top, bottom } = desk.getBoundingClientRect();
  const isBelow = bottom > window.innerHeight && desk.querySelector("[data-preview], [data-result]");
  if (top < 0 || isBelow) desk.scrollIntoView({ block: "start" });
});

// typing was locked after wrong codes: the lock is over, the input is there again by itself
document.addEventListener("countdown:done", (event) => {
  const locked = event.target.closest("[data-refusal]") && document.querySelector("[data-locked]");
  if (!locked) return;
  locked.disabled = false;
  event.target.closest("[data-refusal]").remove();
  locked.querySelector("input[name=digits]").focus({ preventScroll: true });
});

// what the scanner of WeChat read: the digits of a card's code are typed in, anything else is told
document.addEventListener("wechat:scanned", (event) => {
  const form = event.target.closest("[data-bar]");
  if (!form) return;
  const read = /^(\d{6})(\.[A-Z2-7]{16})?$/.exec(event.detail.trim());
  form.querySelector("[data-scan-wrong]").hidden = read !== null;
  if (!read) return;
  const input = form.querySelector("input[name=digits]");
  input.value = read[1];
  form.querySelector("input[name=scan]").value = read[2] ? read[0] : "";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  if (form.isConnected) form.requestSubmit();
});

// where the phone is, noted as the store's place
document.addEventListener("wechat:placed", (event) => {
  const form = event.target.closest("[data-store-place] form");
  if (!form) return;
  for (const [name, value] of Object.entries(event.detail)) form.elements[name].value = value;
  form.requestSubmit();
});

// digits typed over a scanned code are typed digits
document.addEventListener("input", (event) => {
  const scan = event.isTrusted && event.target.closest("[data-bar]")?.querySelector("input[name=scan]");
  if (scan) scan.value = "";
});

// back from the browser's memory: an old preview or result must not look like a new one
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
