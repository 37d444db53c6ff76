// Copies a text to the clipboard, also where only the old way exists (web views without https).
import { text } from "./texts.js";
import { toast } from "./toast.js";

function oldWay(value) {
  const area = document.createElement("textarea");
  area.value = value;
  area.className = "zg-sr";
  document.body.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  return worked;
}

export async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    return oldWay(value);
  }
}

export function start() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const worked = await copy(button.dataset.copy);
    toast(text(worked ? "copied" : "copyFailed"), { tone: worked ? "success" : "error" });
  });
}
