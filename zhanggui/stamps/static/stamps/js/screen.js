// The counter's screen: a code that could not be renewed is hidden, so that nobody scans an old one.
const lost = document.querySelector("[data-screen-lost]");

function setLost(isLost) {
  lost.hidden = !isLost;
  document.body.classList.toggle("is-lost", isLost);
}

document.addEventListener("htmx:sendError", () => setLost(true));
document.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) setLost(false); });
// a screen that was switched off, or whose session is odd: begin anew and say what is the matter
document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status < 500) location.reload(); });
