// The customer's card: closes the code layer, brings the card into sight when a stamp has landed,
// and says so when the shop cannot be reached.
const STAYS_MS = 6000;

function layer() {
  return document.getElementById("layer");
}

function close() {
  if (layer()) layer().innerHTML = "";
}

function settle() {
  const done = document.querySelector("#layer [data-sheet-done]");
  if (!done || done.dataset.seen) return;
  done.dataset.seen = "1";
  window.scrollTo({ top: 0, behavior: "smooth" });
  // what was won is read in peace
  if (done.dataset.sheetDone !== "stays") setTimeout(() => { if (done.isConnected) close(); }, STAYS_MS);
}

function offline(isLost) {
  const sign = document.getElementById("zg-offline");
  if (sign) sign.hidden = !isLost;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-sheet-close]")) {
    event.preventDefault();
    close();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") close();
});
document.addEventListener("htmx:load", settle);
document.addEventListener("htmx:oobAfterSwap", settle);
document.addEventListener("htmx:sendError", () => offline(true));
document.addEventListener("htmx:timeout", () => offline(true));
document.addEventListener("htmx:beforeOnLoad", () => offline(false));
// a page taken out of the browser's back memory shows what was true then
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
