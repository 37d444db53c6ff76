// What the pages of signing in need besides the kit: passkeys, the spoken picture code, passwords
// that can be looked at, printing.
import { add, use } from "./passkeys.js";

let playing = null;

function play(button) {
  if (playing) playing.pause();
  playing = new Audio(button.dataset.sound);
  button.classList.add("is-playing");
  const done = () => button.classList.remove("is-playing");
  playing.addEventListener("ended", done);
  playing.addEventListener("pause", done);
  playing.play().catch(done);
}

async function passkey(button) {
  const trouble = button.parentElement.querySelector("[data-passkey-trouble]")
    ?? document.querySelector("[data-passkey-trouble]");
  if (trouble) trouble.hidden = true;
  button.disabled = true;
  try {
    const name = document.querySelector(button.dataset.name || "[data-nothing]")?.value ?? "";
    const { begin, finish, passkey: what } = button.dataset;
    location.assign(await (what === "add" ? add(begin, finish, name) : use(begin, finish)));
  } catch (error) {
    button.disabled = false;
    if (!trouble) return;
    if (error.shown) trouble.textContent = error.message;
    trouble.hidden = false;
  }
}

document.addEventListener("click", (event) => {
  const sound = event.target.closest("[data-sound]");
  if (sound) play(sound);
  const key = event.target.closest("[data-passkey]");
  if (key) passkey(key);
  if (event.target.closest("[data-print]")) window.print();
  const eye = event.target.closest("[data-eye]");
  if (eye) {
    const input = eye.parentElement.querySelector("input");
    const isShown = input.type === "text";
    input.type = isShown ? "password" : "text";
    eye.setAttribute("aria-pressed", String(!isShown));
  }
});

const eye = document.getElementById("si-eye");
for (const input of eye ? document.querySelectorAll(".si-form input[type=password]") : []) {
  const box = document.createElement("div");
  box.className = "si-reveal";
  input.replaceWith(box);
  box.append(input, eye.content.cloneNode(true));
}

if (!window.PublicKeyCredential) {
  for (const button of document.querySelectorAll("[data-passkey]")) button.hidden = true;
}
