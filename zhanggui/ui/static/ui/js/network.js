// A small sign while the network is away.
export function start() {
  const sign = document.getElementById("zg-offline");
  if (!sign) return;
  const show = () => { sign.hidden = navigator.onLine; };
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
}
