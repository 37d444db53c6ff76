// A picture that was chosen but not sent yet is shown where the page previews it: in
// [data-picture-shown], on the stamp card in [data-picture-card], in a drawing's picture, again
// when htmx redraws it. A hidden field [data-picture-own] tells the server to leave room for it.
const input = document.querySelector("input[type=file][data-picture]");
const told = document.querySelector("input[data-picture-own]");
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
  for (const image of document.querySelectorAll("image[data-picture-own]")) {
    image.setAttribute("href", chosen);
  }
}

input?.addEventListener("change", () => {
  if (chosen) URL.revokeObjectURL(chosen);
  const file = input.files[0];
  chosen = file?.type.startsWith("image/") ? URL.createObjectURL(file) : "";
  if (told) told.value = chosen ? "1" : "";
  show();
});
document.addEventListener("htmx:afterSwap", show);
