// The customer's coupon: closes the layer, lets the live voucher's clock tick by the server's time,
// and says so when the shop cannot be reached.
function layer() {
  return document.getElementById("layer");
}

function close() {
  if (layer()) layer().innerHTML = "";
}

function tick() {
  const clock = document.querySelector("[data-live-clock]");
  if (!clock) return;
  // the phone's clock may be wrong: count on from the server's second, by a timer that only grows
  if (!clock.dataset.since) clock.dataset.since = String(performance.now());
  const passed = Math.floor((performance.now() - Number(clock.dataset.since)) / 1000);
  const [hours, minutes, seconds] = clock.dataset.liveClock.split(":").map(Number);
  const now = (hours * 3600 + minutes * 60 + seconds + passed) % 86400;
  const two = (number) => String(number).padStart(2, "0");
  clock.textContent = `${two(Math.floor(now / 3600))}:${two(Math.floor(now / 60) % 60)}:${two(now % 60)}`;
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
document.addEventListener("htmx:load", tick);
document.addEventListener("htmx:oobAfterSwap", tick);
setInterval(tick, 500);
// a page taken out of the browser's back memory shows what was true then
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
