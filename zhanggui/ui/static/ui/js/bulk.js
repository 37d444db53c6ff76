// Choosing rows of a list and telling the bulk dialogs who is chosen. No row is kept over pages.
function parts(target) {
  const list = target.closest?.("[data-list]") ?? document.querySelector("[data-list]");
  const bar = list?.querySelector("[data-bulk]");
  return bar ? { list, bar } : null;
}

function picks(list) {
  return Array.from(list.querySelectorAll("[data-pick]"));
}

function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

function show({ list, bar }) {
  const boxes = picks(list);
  const chosen = boxes.filter((box) => box.checked);
  const page = list.querySelector("[data-bulk-page]");
  if (chosen.length < boxes.length) delete bar.dataset.all;
  page.checked = chosen.length > 0 && chosen.length === boxes.length;
  page.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
  const isAll = "all" in bar.dataset;
  const text = isAll ? bar.dataset.textEvery : bar.dataset.textSome;
  const number = isAll ? grouped(bar.dataset.total) + bar.dataset.more : String(chosen.length);
  const words = text.replace("{n}", number);
  bar.hidden = chosen.length === 0;
  bar.querySelector("[data-bulk-count]").textContent = words;
  const every = bar.querySelector("[data-bulk-all]");
  if (every) every.hidden = isAll || !page.checked;
  for (const box of boxes) box.closest("tr").classList.toggle("is-picked", box.checked);
  for (const form of document.querySelectorAll("[data-bulk-form]")) {
    form.elements.ids.value = isAll ? "" : chosen.map((box) => box.value).join(",");
    form.elements.all.value = isAll ? "1" : "";
    form.elements.query.value = bar.dataset.query;
    form.querySelector("[data-bulk-number]").textContent = words;
  }
}

let last = null; // shift chooses from here on

export function start() {
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-pick]");
    if (box && event.shiftKey && last) {
      const boxes = picks(box.closest("[data-list]"));
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
      if (from >= 0) boxes.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
    }
    if (box) last = box;
    const found = parts(event.target);
    if (!found) return;
    if (event.target.closest("[data-bulk-all]")) found.bar.dataset.all = "1";
    else if (event.target.closest("[data-bulk-none]")) {
      picks(found.list).forEach((one) => { one.checked = false; });
    } else if (!box) return;
    show(found);
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-bulk-page]")) return;
    const found = parts(event.target);
    if (!found) return;
    picks(found.list).forEach((box) => { box.checked = event.target.checked; });
    show(found);
  });
  // the browser keeps ticks over a reload and over the way back
  window.addEventListener("pageshow", () => {
    const found = parts(document);
    if (found && picks(found.list).some((box) => box.checked)) show(found);
  });
}
