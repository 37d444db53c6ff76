// Texts of scripts come translated with the page.
export function text(name, places = {}) {
  const key = `text${name[0].toUpperCase()}${name.slice(1)}`;
  const found = document.getElementById("zg-texts")?.dataset[key] ?? "";
  return found.replace(/\{(\w+)\}/g, (whole, place) => places[place] ?? whole);
}

// Marks an element so that setting it up twice does nothing.
export function once(element, name) {
  const key = `ready${name}`;
  if (element.dataset[key]) return false;
  element.dataset[key] = "1";
  return true;
}

// All fitting elements below a root, the root itself included.
export function all(root, selector) {
  const found = Array.from(root.querySelectorAll(selector));
  if (root.matches && root.matches(selector)) found.unshift(root);
  return found;
}
