// A picture that was chosen but not sent yet is shown where the page previews it: in
// [data-picture-shown], on the stamp card in [data-picture-card], again when htmx redraws it.
const input = document.querySelector("input[type=file][data-picture]");
let chosen = "";

function onCard(card) {
  const image = card.querySelector(".zg-stampcard-picture") ?? document.createElement("img");
  image.className = "zg-stampcard-picture";
  image.alt = "";
  if (!image.isConnected) card.prepend(image);
  return image;
}

function show() {
  if (!chosen) return;
  const cards = document.querySelectorAll("[data-picture-card] .zg-stampcard");
  for (const image of [...document.querySelectorAll("[data-picture-shown]"), ...[...cards].map(onCard)]) {
    image.src = chosen;
    image.hidden = false;
  }
}

input?.addEventListener("change", () => {
  if (chosen) URL.revokeObjectURL(chosen);
  const file = input.files[0];
  chosen = file?.type.startsWith("image/") ? URL.createObjectURL(file) : "";
  show();
});
document.addEventListener("htmx:afterSwap", show);
