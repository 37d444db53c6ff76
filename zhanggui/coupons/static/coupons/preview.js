// The form of a coupon: shows only the fields of the chosen kind and validity, and beside it the
// coupon as customers will see it. Without this script all fields stand there.
const form = document.querySelector("[data-coupon-preview]")?.closest("main")?.querySelector("form[method=post]");
const slip = document.querySelector("[data-coupon-preview]");

function value(name) {
  const checked = form.querySelector(`[name="${name}"]:checked`);
  const field = form.querySelector(`[name="${name}"]`);
  return (checked ?? (field?.type === "radio" ? null : field))?.value.trim() ?? "";
}

function show() {
  const kind = value("kind");
  const validity = value("validity");
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").some((name) => name === kind || name === validity);
  }
  const worth = slip.querySelector("[data-worth]");
  const off = Number(value("percent_off")) || 0;
  const pays = 100 - off;
  const tenths = pays % 10 ? `${Math.floor(pays / 10)}.${pays % 10}` : String(pays / 10);
  worth.textContent = { gift: worth.dataset.gift, cash: `¥${value("amount_fen") || "0"}` }[kind]
    ?? worth.dataset.percent.replace("%percent%", `${off}%`).replace("%tenths%", tenths);
  const spend = slip.querySelector("[data-spend]");
  const least = value("min_spend_fen");
  spend.textContent = /^[\d.]+$/.test(least) && Number(least) ? spend.dataset.text.replace("%amount%", least) : "";
  const name = slip.querySelector("[data-name]");
  name.textContent = value("name") || name.dataset.empty;
  const until = slip.querySelector("[data-until]");
  until.textContent = validity === "fixed"
    ? until.dataset.day.replace("%day%", value("last_day") || "…")
    : until.dataset.days.replace("%days%", value("days_valid") || "…");
}

if (form && slip) {
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  show();
}
