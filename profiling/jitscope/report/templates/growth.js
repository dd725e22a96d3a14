"use strict";
(() => {
  const data = JSON.parse(document.getElementById("growth-data").textContent);

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(["ink", "soft", "card", "grid", "accent"].map((n) => [n, style.getPropertyValue(`--${n}`).trim()]));
  };

  const traces = (series, colour) => {
    const first = { points: series.points[0], value: series.values[0] };
    return [
      {
        x: series.points, y: series.points.map((points) => (first.value * points) / first.points),
        mode: "lines", line: { dash: "dash", width: 1.5, color: colour.soft }, name: "linear", hoverinfo: "skip",
      },
      {
        x: series.points, y: series.values, mode: "lines+markers", name: "measured",
        line: { color: colour.accent, width: 2 }, marker: { size: 8 },
        error_y: {
          type: "data", symmetric: false, color: colour.ink, thickness: 1.2, width: 4,
          array: series.values.map((value, i) => (series.hi[i] === null ? 0 : series.hi[i] - value)),
          arrayminus: series.values.map((value, i) => (series.lo[i] === null ? 0 : value - series.lo[i])),
        },
        text: series.text, hovertemplate: "%{x:,} points<br><b>%{text}</b><extra></extra>",
      },
    ];
  };

  const layout = (series, colour) => {
    const family = getComputedStyle(document.body).fontFamily;
    const axis = { type: "log", gridcolor: colour.grid, zeroline: false, fixedrange: true, dtick: 1, tickfont: { size: 11 } };
    return {
      autosize: true, dragmode: false, hovermode: "closest", margin: { l: 64, r: 12, t: 12, b: 46 },
      font: { family, size: 12, color: colour.ink }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { align: "left", bgcolor: colour.card, bordercolor: colour.soft, font: { family, size: 13, color: colour.ink } },
      legend: { x: 0.02, y: 0.98, bgcolor: "rgba(0,0,0,0)" },
      xaxis: { ...axis, title: { text: "points", standoff: 8 }, tickformat: ",d" },
      yaxis: { ...axis, title: { text: series.unit, standoff: 8 }, tickformat: ",~r" },
    };
  };

  const draw = () => {
    // Without Plotly the table is what there is.
    if (typeof Plotly === "undefined") return;
    document.getElementById("growth").hidden = false;
    document.getElementById("undrawn").hidden = true;
    const colour = colours();
    for (const [id, series] of Object.entries(data)) {
      const chart = document.getElementById(id);
      chart.parentElement.hidden = series.points.length === 0;
      if (series.points.length) Plotly.react(chart, traces(series, colour), layout(series, colour), { displayModeBar: false, responsive: true });
    }
    document.documentElement.dataset.drawn = "growth";
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
