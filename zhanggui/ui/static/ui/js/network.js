// A small sign while the network is away, and the question whether the server can be reached. A page
// that has just come needs no sign: a laptop without any network reaches the product that runs on it.
const ALIVE = "/healthz";
const PATIENCE_MS = 8000;
const BROKEN = 500; // a proxy answers so while what stands behind it is away

/** What is in the way of the server, as the name of a text; empty when it answers. */
export async function trouble() {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(ALIVE, { cache: "no-store", redirect: "manual", signal: waiting.signal });
    return answer.status < BROKEN ? "" : "server";
  } catch {
    return "network";
  } finally {
    clearTimeout(timer);
  }
}

export function start() {
  const sign = document.getElementById("zg-offline");
  if (!sign) return;
  window.addEventListener("online", () => { sign.hidden = true; });
  window.addEventListener("offline", () => { sign.hidden = false; });
  window.addEventListener("pageshow", (event) => { if (event.persisted) sign.hidden = true; });
}
