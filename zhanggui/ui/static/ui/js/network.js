// A small sign while the network is away. A page that has just come needs none: a laptop without
// any network reaches the product that runs on it.
export function start() {
  const sign = document.getElementById("zg-offline");
  if (!sign) return;
  window.addEventListener("online", () => { sign.hidden = true; });
  window.addEventListener("offline", () => { sign.hidden = false; });
  window.addEventListener("pageshow", (event) => { if (event.persisted) sign.hidden = true; });
}
