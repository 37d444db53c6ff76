// A form that goes by itself once the page is there; without scripts its button does it.
document.querySelector("form[data-send-now]")?.requestSubmit();
