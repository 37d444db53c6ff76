// The drawer on phones, menus that close by themselves, the way back.
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

export function start() {
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
    const back = event.target.closest("[data-back]");
    if (back && history.length > 1) {
      event.preventDefault();
      history.back();
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
