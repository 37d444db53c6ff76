// Lets a shop know where the customer's phone is, if its owner agrees: asked once, remembered on this
// phone, taken back with one tap. Nobody has to; collecting works either way.
const STORED = "zg-place";
const token = () => document.querySelector("meta[name=csrf-token]")?.content ?? "";
const zone = () => document.querySelector("[data-place]");
const shop = () => zone().dataset.place;

function choices() {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "{}");
  } catch {
    return {};
  }
}

function choose(value) {
  try {
    localStorage.setItem(STORED, JSON.stringify({ ...choices(), [shop()]: value }));
  } catch {
    // a browser that keeps nothing asks again the next time
  }
}

function show(what) {
  zone().hidden = what !== "ask";
  document.querySelector("[data-place-told]").hidden = what !== "told";
}

function begin() {
  if (!zone()) return;
  const known = choices()[shop()];
  if (known === "yes") zone().querySelector("[data-wechat-place]").click();
  else if (known !== "no") show("ask");
}

async function tell({ latitude, longitude, accuracy }) {
  const answer = await fetch(zone().dataset.send, {
    method: "POST",
    headers: { "X-CSRFToken": token(), "HX-Request": "true" },
    body: new URLSearchParams({ latitude, longitude, accuracy }),
  }).catch(() => null);
  if (answer?.ok) choose("yes");
  show(answer?.ok ? "told" : "");
}

document.addEventListener("wechat:placed", (event) => { if (zone()) tell(event.detail); });
document.addEventListener("wechat:unplaced", () => {
  if (!zone()) return;
  choose("no");
  show("");
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-place-no]")) return;
  choose("no");
  show("");
});
document.addEventListener("wechat:ready", begin);
if (document.getElementById("wechat-page")?.dataset.state === "ready") begin();
