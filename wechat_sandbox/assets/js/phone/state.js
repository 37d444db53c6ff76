// What the sandbox knows about this phone, asked for again several times a second.

import { ask } from "../dom.js";

export const state = { version: 0, me: null, chats: [], friends: [], accounts: [], sms_unseen: 0, notices_unseen: 0, pay: null, offset_s: 0, product: "", can_decode: false };

const listeners = new Set();
const EVERY_MS = 500;
const HIDDEN_MS = 3000;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Ask now; listeners hear of it when something changed. */
export async function refresh() {
  const answer = await ask("GET", `/_phone/api/state?since=${state.version}`);
  if (!answer) return;
  Object.assign(state, answer);
  for (const listener of listeners) listener();
}

export async function startPolling() {
  await refresh();
  const next = async () => {
    try {
      await refresh();
      document.body.classList.remove("offline");
    } catch {
      document.body.classList.add("offline");
    }
    setTimeout(next, document.hidden ? HIDDEN_MS : EVERY_MS);
  };
  setTimeout(next, EVERY_MS);
}

export function accountOf(appid) {
  return state.accounts.find((one) => one.appid === appid);
}

/** Seconds of the sandbox's clock. */
export function now() {
  return Date.now() / 1000 + state.offset_s;
}
