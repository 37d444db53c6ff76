// Draws charts from the JSON beside them, in the colours of the page; switches to the table.
const dark = () => document.documentElement.dataset.bsTheme === "dark";
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--zg-${name}`).trim();
const NAMES = { cinnabar: "brand", celadon: "celadon", amber: "amber", plum: "plum", indigo: "indigo", muted: "line-strong" };

function option(data) {
  const words = { color: colour("muted"), fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 12 };
  return {
    animationDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 250,
    textStyle: words,
    grid: { left: 8, right: 12, top: data.series.length > 1 || data.unit ? 40 : 16, bottom: 4, containLabel: true },
    legend: { show: data.series.length > 1, right: 0, top: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: words },
    tooltip: {
      trigger: "axis",
      renderMode: "richText", // the page's policy allows no inline style
      axisPointer: { type: "shadow", shadowStyle: { color: dark() ? "rgba(255,255,255,.05)" : "rgba(31,35,40,.05)" } },
      backgroundColor: colour("card"),
      borderColor: colour("line"),
      textStyle: { ...words, color: colour("ink"), fontSize: 13 },
      valueFormatter: (value) => `${Number(value).toLocaleString()} ${data.unit}`.trim(),
    },
    xAxis: { type: "category", data: data.labels, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("line-strong") } }, axisLabel: { ...words, hideOverlap: true } },
    yAxis: { type: "value", name: data.unit, nameTextStyle: { ...words, align: "right" }, min: 0, minInterval: 1, axisLabel: words, splitLine: { lineStyle: { color: colour("line") } } },
    series: data.series.map((row) => ({
      name: row.name,
      type: row.kind,
      data: row.values,
      stack: row.stack || undefined,
      smooth: row.kind === "line" ? 0.25 : undefined,
      symbolSize: 6,
      showSymbol: row.values.length < 20,
      barMaxWidth: 28,
      itemStyle: { color: colour(NAMES[row.colour]), borderRadius: row.kind === "bar" && !row.stack ? [4, 4, 0, 0] : 0 },
      lineStyle: { width: 2.5, color: colour(NAMES[row.colour]) },
    })),
  };
}

function setUp(box) {
  const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const canvas = box.querySelector(".zg-chart-canvas");
  const chart = window.echarts.init(canvas, null, { renderer: "canvas" });
  const draw = () => chart.setOption(option(data), true);
  draw();
  document.addEventListener("theme:changed", draw);
  new ResizeObserver(() => chart.resize()).observe(canvas);
  box.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-chart-view]");
    if (!chosen) return;
    box.classList.toggle("is-table", chosen.dataset.chartView === "table");
    for (const button of box.querySelectorAll("[data-chart-view]")) {
      button.setAttribute("aria-pressed", String(button === chosen));
    }
    chart.resize();
  });
}

let library = null;

function load(source) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return library;
}

export async function draw(box) {
  if (box.dataset.readyChart) return;
  box.dataset.readyChart = "1";
  try {
    await load(box.dataset.library);
    setUp(box);
  } catch {
    box.classList.add("is-table"); // the numbers are there even when the picture is not
  }
}
