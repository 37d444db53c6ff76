// The kit's behaviour on every page; phones load nothing else. Everything hangs on data attributes
// and on events at the document, so pieces that htmx swaps in work without being told.
import "./htmx-setup.js";
import { scan as scanAvatars } from "./avatar.js";
import { start as startCopy } from "./copy.js";
import { scan as scanCountdowns } from "./countdown.js";
import { scan as scanDialogs, start as startDialogs } from "./dialog.js";
import { scan as scanDigits } from "./digits.js";
import { scan as scanFeedback, start as startFeedback } from "./feedback.js";
import { scan as scanFields, start as startFields } from "./fields.js";
import { start as startForms } from "./forms.js";
import { start as startNetwork } from "./network.js";
import { scan as scanStampcards } from "./stampcard.js";
import { scan as scanTabs } from "./tabs.js";
import { scan as scanToasts, start as startToasts } from "./toast.js";
import { all } from "./texts.js";
import { scan as scanWake } from "./wake.js";

function scan(root) {
  scanCountdowns(root);
  scanDigits(root);
  scanDialogs(root);
  scanTabs(root);
  scanToasts(root);
  scanStampcards(root);
  scanWake(root);
  scanAvatars(root);
  scanFeedback(root);
  scanFields(root);
  const charts = all(root, "[data-chart]");
  if (charts.length) import("./chart.js").then(({ draw }) => charts.forEach(draw));
  const wanted = root.querySelector("[data-focus]");
  if (wanted) wanted.focus({ preventScroll: true });
}

function goBack(event) {
  if (!event.target.closest("[data-back]") || history.length < 2) return;
  event.preventDefault();
  history.back();
}

startCopy();
startDialogs();
startFeedback();
startFields();
startForms();
startNetwork();
startToasts();
scan(document);
document.addEventListener("click", goBack);
document.addEventListener("htmx:load", (event) => scan(event.target));
document.addEventListener("htmx:oobAfterSwap", (event) => scan(event.target));
