// Goes on by itself; without scripts its button does it.
document.querySelector("form[data-send-now]")?.requestSubmit();
