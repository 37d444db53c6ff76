// What a hand feels, and an ear hears where somebody wants it, when an element with data-feel comes
// into the page. Sounds are off until they are switched on; they are made here, without any file.
import { all, once } from "./texts.js";

const KEY = "zg-sound";
const BUZZ_MS = {
  stamp: 45,
  full: [45, 70, 45, 70, 140],
  cancel: [25, 50, 25],
  redeem: [35, 60, 70],
  refused: [90, 70, 90],
};
const SOUNDS = {
  stamp: knock,
  full: (at) => {
    knock(at);
    [523, 659, 784, 1047].forEach((from, number) => tone(at + 0.18 + number * 0.11, { from, lasts: 0.55, loud: 0.2 }));
  },
  cancel: (at) => [392, 294].forEach((from, number) => tone(at + number * 0.13, { from, lasts: 0.22, loud: 0.18 })),
  redeem: (at) => [784, 1047].forEach((from, number) => tone(at + number * 0.12, { from, lasts: 0.4, loud: 0.2 })),
  refused: (at) => [175, 175].forEach((from, number) => tone(at + number * 0.17, { from, lasts: 0.12, loud: 0.3 })),
};
const SOFT = 0.0001;
let speaker = null;

function isOn() {
  try {
    return localStorage.getItem(KEY) === "on";
  } catch {
    return false; // without storage it stays quiet
  }
}

function put(wanted) {
  try {
    localStorage.setItem(KEY, wanted ? "on" : "off");
  } catch {
    // Nothing is remembered; the switch says so by going back with the next page.
  }
}

// A browser lets a page sound only after a touch on it.
function wake() {
  if (!isOn() || !window.AudioContext) return;
  speaker = speaker ?? new AudioContext();
  if (speaker.state !== "running") speaker.resume().catch(() => {});
}

function fading(at, lasts, loud) {
  const gain = speaker.createGain();
  gain.gain.setValueAtTime(SOFT, at);
  gain.gain.exponentialRampToValueAtTime(loud, at + 0.008);
  gain.gain.exponentialRampToValueAtTime(SOFT, at + lasts);
  gain.connect(speaker.destination);
  return gain;
}

function tone(at, { from, to = from, lasts, loud }) {
  const voice = speaker.createOscillator();
  voice.frequency.setValueAtTime(from, at);
  voice.frequency.exponentialRampToValueAtTime(to, at + lasts);
  voice.connect(fading(at, lasts, loud));
  voice.start(at);
  voice.stop(at + lasts);
}

// Rubber on paper: a dull blow and a little rustle.
function knock(at) {
  tone(at, { from: 170, to: 55, lasts: 0.16, loud: 0.7 });
  const length = Math.round(speaker.sampleRate * 0.06);
  const paper = speaker.createBuffer(1, length, speaker.sampleRate);
  const grains = paper.getChannelData(0);
  for (let grain = 0; grain < length; grain += 1) grains[grain] = Math.random() * 2 - 1;
  const rustle = speaker.createBufferSource();
  rustle.buffer = paper;
  const dull = speaker.createBiquadFilter();
  dull.frequency.value = 1800;
  rustle.connect(dull).connect(fading(at, 0.06, 0.25));
  rustle.start(at);
}

function feel(name) {
  navigator.vibrate?.(BUZZ_MS[name] ?? 0);
  if (isOn() && speaker?.state === "running") SOUNDS[name]?.(speaker.currentTime + 0.03);
}

export function scan(root) {
  for (const element of all(root, "[data-feel]")) if (once(element, "Feel")) feel(element.dataset.feel);
  for (const line of all(root, "[data-sound-switch]")) {
    line.hidden = !window.AudioContext;
    line.querySelector("input").checked = isOn();
  }
}

export function start() {
  for (const touch of ["pointerdown", "touchend", "keydown"]) document.addEventListener(touch, wake, { passive: true });
  document.addEventListener("change", (event) => {
    if (!event.target.closest("[data-sound-switch]")) return;
    put(event.target.checked);
    wake();
    // what it sounds like is heard at once
    if (isOn()) speaker.resume().then(() => feel("stamp"), () => {});
  });
}
