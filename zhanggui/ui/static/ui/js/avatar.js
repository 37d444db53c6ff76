// A picture that no longer loads (WeChat's addresses end when somebody changes theirs) becomes the
// letter it stood for.
import { all, once } from "./texts.js";

export function scan(root) {
  for (const img of all(root, "img[data-initial]")) {
    if (!once(img, "Avatar")) continue;
    const fall = () => img.replaceWith(img.dataset.initial);
    if (img.complete && img.currentSrc && !img.naturalWidth) fall();
    else img.addEventListener("error", fall);
  }
}
