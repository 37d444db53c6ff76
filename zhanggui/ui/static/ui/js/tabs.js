// A strip of tabs wider than the screen: the open tab is scrolled to, an edge that hides more fades.
import { all, once } from "./texts.js";

function edges(strip) {
  const rest = strip.scrollWidth - strip.clientWidth - strip.scrollLeft;
  strip.classList.toggle("has-before", strip.scrollLeft > 1);
  strip.classList.toggle("has-after", rest > 1);
}

export function scan(root) {
  for (const strip of all(root, ".zg-tabs")) {
    const open = strip.querySelector("[aria-current]");
    if (open) strip.scrollLeft = open.offsetLeft - (strip.clientWidth - open.offsetWidth) / 2;
    edges(strip);
    if (once(strip, "Tabs")) strip.addEventListener("scroll", () => edges(strip), { passive: true });
  }
}
