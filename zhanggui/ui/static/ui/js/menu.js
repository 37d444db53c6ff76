// The drawer on phones, menus that close by themselves.
function drawer() {
  return document.querySelector("[data-menu]");
}

function toggle(isOpen) {
  const side = drawer();
  if (!side) return;
  side.classList.toggle("is-open", isOpen);
  const opener = document.querySelector("[data-menu-open]");
  opener?.setAttribute("aria-expanded", String(isOpen));
  if (isOpen) side.querySelector("a, button")?.focus();
  else if (side.contains(document.activeElement)) opener?.focus();
}

// Tables scroll sideways and would cut a menu off; there it floats over the page instead.
function float(menu) {
  const panel = menu.querySelector(".zg-menu-panel");
  if (!panel || !menu.closest(".zg-table-wrap") || innerWidth < 576) return;
  const button = menu.getBoundingClientRect();
  panel.style.position = "fixed";
  panel.style.left = "auto";
  panel.style.right = `${document.documentElement.clientWidth - button.right}px`;
  const isLow = button.bottom + panel.offsetHeight + 12 > innerHeight;
  panel.style.top = isLow ? "auto" : `${button.bottom + 6}px`;
  panel.style.bottom = isLow ? `${innerHeight - button.top + 6}px` : "auto";
}

export function start() {
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("[data-menu-details][open]")) float(event.target);
  }, true);
  window.addEventListener("scroll", () => {
    document.querySelector(".zg-table-wrap [data-menu-details][open]")?.removeAttribute("open");
  }, { capture: true, passive: true });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-menu-open]")) {
      event.preventDefault();
      toggle(true);
    } else if (event.target.closest("[data-menu-close]")) {
      toggle(false);
    }
    for (const menu of document.querySelectorAll("[data-menu-details][open]")) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      const opener = event.target.closest?.("[data-menu-open]");
      if (opener && event.key === " ") {
        event.preventDefault();
        opener.click();
      }
    }
    if (event.key !== "Escape") return;
    toggle(false);
    const menu = event.target.closest?.("[data-menu-details][open]");
    if (menu) {
      menu.removeAttribute("open");
      menu.querySelector("summary")?.focus();
    }
  });
}
