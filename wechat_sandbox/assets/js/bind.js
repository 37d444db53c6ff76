// The authorisation page on a computer: waits for the phone and goes back to the product.

const EVERY_MS = 800;
const TEXTS = { open: "等待扫码", scanned: "已扫码，请在手机上确认", done: "授权成功，正在返回", refused: "管理员拒绝了授权", over: "二维码已过期，请回到商家系统重新打开" };

const main = document.querySelector("main");
const line = document.getElementById("bind-state");

async function look() {
  const answer = await fetch(`/mp.weixin.qq.com/cgi-bin/componentlogin/state?token=${encodeURIComponent(main.dataset.token)}`).catch(() => null);
  const found = answer ? await answer.json().catch(() => ({})) : {};
  if (TEXTS[found.state]) line.textContent = TEXTS[found.state];
  if (found.state === "done") location.replace(found.location);
  else if (found.state !== "refused" && found.state !== "over") setTimeout(look, EVERY_MS);
}

look();
