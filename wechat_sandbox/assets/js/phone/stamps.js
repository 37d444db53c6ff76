// Physical stamps with five points that a page reads: kept by name, laid on the screen with a turn,
// a little noise, a finger too few or too many.

export const PX_PER_MM = 163 / 25.4; // a CSS pixel of a phone

const KEY = "sandbox-stamps";
const FIVE = 5;

/** The stamps somebody pasted: `[{ name, points: [[x, y] in millimetres] }]`. */
export function stamps() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return [];
  }
}

/** Keep a stamp; one of the same name makes room. */
export function keepStamp(stamp) {
  const others = stamps().filter((one) => one.name !== stamp.name);
  try {
    localStorage.setItem(KEY, JSON.stringify([...others, stamp]));
  } catch {
    // Without storage a stamp must be pasted again.
  }
}

/** `{ "name", "points_mm": [[x, y], ...] }`, or five pairs of numbers; null for anything else. */
export function readPattern(text) {
  let name = "";
  let points = [];
  try {
    const read = JSON.parse(text);
    name = String(read.name ?? "");
    points = read.points_mm ?? read;
  } catch {
    points = [...text.matchAll(/(-?\d+(?:\.\d+)?)\s*[,，]\s*(-?\d+(?:\.\d+)?)/g)].map(([, x, y]) => [Number(x), Number(y)]);
  }
  const isGood = Array.isArray(points) && points.length === FIVE
    && points.every((one) => Array.isArray(one) && one.length === 2 && one.every(Number.isFinite));
  return isGood ? { name: name || `印章 ${stamps().length + 1}`, points } : null;
}

// Two uniform numbers make a normal one (Box and Muller).
function gauss(width) {
  return width * Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

/** Where a press touches, in pixels of the page. */
export function pressed(points, { x, y, turn, noise, missing, extra }) {
  const angle = (turn * Math.PI) / 180;
  const touched = points.map(([px, py]) => [
    x + PX_PER_MM * (px * Math.cos(angle) - py * Math.sin(angle) + gauss(noise)),
    y + PX_PER_MM * (px * Math.sin(angle) + py * Math.cos(angle) + gauss(noise)),
  ]);
  if (missing) touched.pop();
  if (extra) touched.push([x + PX_PER_MM * 27, y + PX_PER_MM * 20]);
  return touched;
}
