// A file that is too large is refused before it is sent: the server cuts the connection, and a
// browser in the middle of sending shows no reason.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-most-bytes]");
  if (!form || event.target.type !== "file") return;
  const most = Number(form.dataset.mostBytes);
  const isTooBig = [...event.target.files].some((file) => file.size > most);
  const note = form.querySelector("[data-too-big]");
  note.hidden = !isTooBig;
  note.textContent = isTooBig ? note.dataset.tooBig : "";
  event.target.setAttribute("aria-invalid", String(isTooBig));
  form.querySelector("[type=submit]").disabled = isTooBig;
});
