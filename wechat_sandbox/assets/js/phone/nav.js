// The stack of views. It is kept over a reload and never uses the tab's history, which all
// phones on one page would share.

const KEY = "sandbox-phone";
let stack = [{ name: "chats", params: {} }];
let listener = () => {};

export function onNavigate(callback) {
  listener = callback;
}

export function current() {
  return stack[stack.length - 1];
}

function changed() {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(stack));
  } catch {
    // A frame without storage works, it only forgets over a reload.
  }
  listener();
}

export function navigate(name, params = {}, { reset = false, replace = false } = {}) {
  if (reset) stack = [];
  else if (replace) stack.pop();
  stack.push({ name, params });
  changed();
}

export function back() {
  if (stack.length > 1) stack.pop();
  else stack = [{ name: "chats", params: {} }];
  changed();
}

/** Remember something about the current view without drawing it again. */
export function remember(params) {
  Object.assign(current().params, params);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(stack));
  } catch {
    // See above.
  }
}

export function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (Array.isArray(kept) && kept.length) stack = kept;
  } catch {
    // Nothing kept.
  }
}
