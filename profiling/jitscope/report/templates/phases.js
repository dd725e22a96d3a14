"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const panels = new Map(data.panels.map((panel) => [panel.id, panel]));
  const styles = new Map(data.styles.map((style) => [style.name, style]));
  const controls = document.getElementById("controls");
  const BAR = { offset: -0.08, width: 0.5 };
  const HOLLOW = { offset: 0.3, width: 0.16 };
  const SLOT_PX = 62;
  const MIN_SLOTS = 4; // so that a single commit does not become one very broad bar
  const ABSENT = { broken: "broken", failed: "failed", missing: "not measured" };

  // Plotly reads a few HTML tags in its texts; a commit message must never be read as one.
  const plain = (text) =>
    text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  const wrapped = (text, width = 56) => {
    const lines = [""];
    for (const word of text.match(/\S{1,56}/g) ?? []) {
      const last = lines.length - 1;
      if (lines[last] && lines[last].length + word.length + 1 > width) lines.push(word);
      else lines[last] += (lines[last] ? " " : "") + word;
    }
    return lines.map(plain).join("<br>");
  };

  const about = (bar) => `<b>${plain(bar.hash)}</b>  ${plain(bar.date)}<br>${wrapped(bar.message)}<br>`;

  const figures = (name, m) =>
    `<br><b>${plain(name)}: ${m.text}</b><br>99% interval: ${plain(m.interval)}<br>samples: ${m.n}`;

  const withCounts = (bar) => (bar.counts.length ? "<br><br>a fit: " + bar.counts.map(plain).join("<br>") : "");

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    return Object.fromEntries(["ink", "soft", "card", "line", "grid", "bad", "bad-soft"].map((n) => [n, read(n)]));
  };

  const phaseTraces = (panel, colour) =>
    data.styles.flatMap((style) => {
      const shown = panel.bars
        .map((bar, i) => ({ bar, i, m: bar.phases[style.name] }))
        .filter((entry) => entry.m && entry.m.ms > 0);
      if (!shown.length) return [];
      return [{
        type: "bar", name: style.label, marker: { color: style.colour, line: { color: colour.card, width: 0.7 } },
        x: shown.map((e) => e.i + BAR.offset), y: shown.map((e) => e.m.ms), width: BAR.width,
        hovertext: shown.map((e) => about(e.bar) + figures(style.label, e.m)), hoverinfo: "text",
      }];
    });

  const errors = (measured, colour) => ({
    type: "data", symmetric: false, color: colour, thickness: 1.6, width: 5,
    array: measured.map((m) => (m.hi === null ? 0 : m.hi - m.ms)),
    arrayminus: measured.map((m) => (m.lo === null ? 0 : m.ms - m.lo)),
  });

  const wholeTraces = (panel, colour) => {
    const bars = panel.bars.map((bar, i) => ({ bar, i }));
    const walls = bars.filter((e) => e.bar.wall);
    const bare = bars.filter((e) => e.bar.unobserved);
    return [{
      type: "scatter", mode: "markers", x: walls.map((e) => e.i + BAR.offset), y: walls.map((e) => e.bar.wall.ms),
      marker: { symbol: "line-ew", size: 12, line: { color: colour.ink, width: 2 } },
      error_y: errors(walls.map((e) => e.bar.wall), colour.ink),
      hovertext: walls.map((e) => about(e.bar) + figures("whole call", e.bar.wall) + withCounts(e.bar)),
      hoverinfo: "text",
    }, {
      type: "bar", x: bare.map((e) => e.i + HOLLOW.offset), y: bare.map((e) => e.bar.unobserved.ms), width: HOLLOW.width,
      marker: { color: "rgba(0,0,0,0)", line: { color: colour.soft, width: 1.4 } },
      error_y: { ...errors(bare.map((e) => e.bar.unobserved), colour.soft), width: 3, thickness: 1.2 },
      hovertext: bare.map((e) => about(e.bar) + figures("unobserved call", e.bar.unobserved)),
      hoverinfo: "text",
    }];
  };

  const absentTrace = (absent) => ({
    type: "scatter", mode: "markers", yaxis: "y2", x: absent.map((e) => e.i), y: absent.map(() => 0.5),
    marker: { size: 34, opacity: 0 }, hoverinfo: "text",
    hovertext: absent.map((e) => about(e.bar) + `<br><b>${ABSENT[e.bar.status]}</b>`),
  });

  const slots = (absent, colour) => ({
    shapes: absent.map((e) => ({
      type: "rect", xref: "x", yref: "paper", x0: e.i - 0.36, x1: e.i + 0.36, y0: 0, y1: 1, layer: "below",
      fillcolor: e.bar.status === "missing" ? "rgba(0,0,0,0)" : colour["bad-soft"],
      line: { color: e.bar.status === "missing" ? colour.line : colour.bad, width: 1, dash: "dot" },
    })),
    annotations: absent.map((e) => ({
      xref: "x", yref: "paper", x: e.i, y: 0.5, text: ABSENT[e.bar.status], textangle: -90, showarrow: false,
      font: { size: 14, color: e.bar.status === "missing" ? colour.soft : colour.bad },
    })),
  });

  const layoutOf = (panel, absent, colour) => {
    const family = getComputedStyle(document.body).fontFamily;
    const spare = Math.max(0, MIN_SLOTS - panel.bars.length) / 2;
    const beneath = Math.max(...panel.bars.map((bar) => bar.beneath.length));
    const axis = { gridcolor: colour.grid, zerolinecolor: colour.line, tickfont: { size: 11 }, fixedrange: true };
    return {
      barmode: "stack", showlegend: false, autosize: true, hovermode: "closest", dragmode: false,
      margin: { l: 62, r: 8, t: 14, b: 28 + 16 * beneath },
      font: { family, size: 12, color: colour.ink },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { align: "left", bgcolor: colour.card, bordercolor: colour.soft, font: { family, size: 13, color: colour.ink } },
      xaxis: {
        ...axis, showgrid: false, zeroline: false, range: [-0.55 - spare, panel.bars.length - 0.4 + spare], tickangle: 0,
        tickvals: panel.bars.map((_, i) => i),
        ticktext: panel.bars.map((bar) => [plain(bar.hash), ...bar.beneath.map(plain)].join("<br>")),
      },
      yaxis: { ...axis, title: { text: "median, ms", standoff: 8 }, rangemode: "tozero", separatethousands: true },
      yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
      ...slots(absent, colour),
    };
  };

  const draw = (section) => {
    const panel = panels.get(section.id);
    const colour = colours();
    const absent = panel.bars.map((bar, i) => ({ bar, i })).filter((e) => e.bar.status !== "ok");
    const chart = section.querySelector(".chart");
    chart.style.minWidth = `${70 + SLOT_PX * panel.bars.length}px`;
    const traces = [...phaseTraces(panel, colour), ...wholeTraces(panel, colour)];
    if (absent.length) traces.push(absentTrace(absent));
    Plotly.react(chart, traces, layoutOf(panel, absent, colour), { displayModeBar: false, responsive: true });
    // Where not all bars fit, the newest are the ones to see first.
    chart.parentElement.scrollLeft = chart.parentElement.scrollWidth;
  };

  const show = () => {
    const chosen = Object.fromEntries(new FormData(controls));
    const sections = [...document.querySelectorAll(".panel")];
    for (const section of sections) {
      section.hidden = section.dataset.setup !== chosen.setup || section.dataset.condition !== chosen.condition ||
        (chosen.problem !== "" && section.dataset.problem !== chosen.problem);
    }
    const shown = sections.filter((section) => !section.hidden);
    for (const part of document.querySelectorAll(".question")) part.hidden = part.dataset.condition !== chosen.condition;
    for (const part of document.querySelectorAll(".setup")) part.hidden = part.dataset.setup !== chosen.setup;
    document.getElementById("no-panel").hidden = shown.length > 0;
    document.querySelector(".panels").classList.toggle("single", shown.length === 1);
    const present = new Set(shown.flatMap((s) => panels.get(s.id).bars.flatMap((bar) => Object.keys(bar.phases).filter((name) => bar.phases[name].ms > 0))));
    for (const item of document.querySelectorAll("#legend [data-phase]")) item.hidden = !present.has(item.dataset.phase);
    shown.forEach(draw);
    document.documentElement.dataset.drawn = String(shown.length);
  };

  controls.addEventListener("change", show);
  controls.addEventListener("submit", (event) => event.preventDefault());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
})();
