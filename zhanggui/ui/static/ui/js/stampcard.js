// Ink drops when a stamp has just landed; none for people who want things still.
import { all, once } from "./texts.js";

const DROPS = 22;
const LASTS_MS = 1000;
const SVG = "http://www.w3.org/2000/svg";

export function celebrate(card) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches || !card.animate) return;
  const fresh = card.querySelector(".zg-slot-fresh");
  const from = (fresh ?? card).getBoundingClientRect();
  const ground = card.getBoundingClientRect();
  const x = from.left - ground.left + from.width / 2;
  const y = from.top - ground.top + from.height / 2;
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("class", "zg-drops");
  picture.setAttribute("aria-hidden", "true");
  card.append(picture);
  for (let number = 0; number < DROPS; number += 1) {
    const drop = document.createElementNS(SVG, "circle");
    drop.setAttribute("cx", x);
    drop.setAttribute("cy", y);
    drop.setAttribute("r", 2 + Math.random() * 4);
    picture.append(drop);
    const angle = (number / DROPS) * Math.PI * 2 + Math.random() * 0.4;
    const far = 50 + Math.random() * 70;
    const end = `translate(${Math.cos(angle) * far}px, ${Math.sin(angle) * far + 30}px)`;
    drop.animate(
      [
        { transform: "none", opacity: 0 },
        { opacity: 1, offset: 0.15 },
        { transform: end, opacity: 0 },
      ],
      { duration: LASTS_MS - 150, delay: 150, easing: "cubic-bezier(0.15, 0.7, 0.3, 1)", fill: "both" },
    );
  }
  setTimeout(() => picture.remove(), LASTS_MS + 100);
}

export function scan(root) {
  for (const card of all(root, "[data-stampcard]")) {
    if (once(card, "Stampcard") && Number(card.dataset.fresh) > 0) celebrate(card);
  }
}
