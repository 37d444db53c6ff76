// A small sign while the network is away. A page that has just come needs none: a laptop without
// any network reaches the product that runs on it.
export function start() {
  const sign = document.getElementById("zg-offline");
  if (!sign) return;
  const show = () => { sign.hidden = navigator.onLine; };
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  window.addEventListener("pageshow", (event) => { if (event.persisted) show(); });
}
