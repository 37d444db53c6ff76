// After WeChat's dialog: show what is allowed now. WeChat tells the server by an event of its own,
// a moment after it tells the page.

const SOON_MS = 1500;

for (const element of document.querySelectorAll("[data-subscribe]")) {
  element.addEventListener("success", () => setTimeout(() => location.reload(), SOON_MS));
  element.addEventListener("error", () => {
    document.querySelector("[data-subscribe-failed]").hidden = false;
  });
}
