// Runs before the first paint: sets the theme a person chose, else the device's.
(function () {
  "use strict";
  var root = document.documentElement;
  var chosen = /(?:^|; )theme=(light|dark)/.exec(document.cookie);
  var device = window.matchMedia ? window.matchMedia("(prefers-color-scheme: dark)") : null;
  root.classList.add("js");
  function apply() {
    root.setAttribute("data-bs-theme", chosen ? chosen[1] : device && device.matches ? "dark" : "light");
  }
  apply();
  if (device && device.addEventListener) device.addEventListener("change", apply);
  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("[data-theme-switch]")) return;
    var next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
    document.cookie = "theme=" + next + "; path=/; max-age=31536000; samesite=lax";
    chosen = [next, next];
    apply();
    document.dispatchEvent(new CustomEvent("theme:changed"));
  });
})();
