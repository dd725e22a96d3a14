"use strict";
// From what is in view to Plotly's traces and layout. Knows nothing of controls and addresses.
const timelineChart = (() => {
  const { plain, wrapped, number, count, percent } = jitscope;
  const BAR = { offset: -0.08, width: 0.62 };
  const HOLLOW = { offset: 0.35, width: 0.16 };
  const LEAST_BAR_PX = 11; // narrower, and bands are drawn instead of bars
  const MAIN_PX = 340;
  const STRIP_PX = 44;
  const STRIP_GAP_PX = 30;
  const LEFT_PX = 74;
  const RIGHT_PX = 12;
  const LABELS_PX = 96; // at the right of lines, for their names
  const ABSENT = { broken: "broken", failed: "failed", missing: "not measured" };
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "cross", "star", "hexagon", "pentagon", "triangle-down", "bowtie"];
  const SIGNS = { regressed: "▲", improved: "▼" };

  const hasValue = (slot, quantity) => slot.i >= 0 && quantity !== null && quantity.ms[slot.i] !== null;

  const ends = (quantity, i, unit) =>
    quantity.lo[i] === null || quantity.hi[i] === null
      ? "no interval"
      : `${number(quantity.lo[i] * unit.factor)} to ${number(quantity.hi[i] * unit.factor)}`;

  const figure = (name, quantity, i, unit) => `<br>${plain(name)}: ${unit.text(quantity.ms[i])} (${ends(quantity, i, unit)})`;

  const about = (view, slot) => {
    const lines = [`<b>${plain(slot.hash.slice(0, 8))}</b>  ${plain(slot.date)}<br>${wrapped(slot.message)}`];
    if (slot.status !== "ok") return `${lines[0]}<br><b>${ABSENT[slot.status]}</b>`;
    const { condition, unit } = view;
    if (condition.unobserved && hasValue(slot, condition.unobserved)) {
      lines.push(`<br><b>unobserved: ${unit.text(condition.unobserved.ms[slot.i])}</b> (${ends(condition.unobserved, slot.i, unit)})`);
    }
    if (condition.wall && hasValue(slot, condition.wall)) {
      lines.push(`<br><b>whole call: ${unit.text(condition.wall.ms[slot.i])}</b> (${ends(condition.wall, slot.i, unit)})<br>samples: ${condition.wall.n[slot.i]}`);
    }
    for (const phase of [...view.phases].reverse()) {
      if (hasValue(slot, phase)) lines.push(figure(phase.style.label, phase, slot.i, unit));
    }
    const step = view.steps.get(slot.hash);
    if (step) lines.push(`<br><b>${SIGNS[step.verdict]} ${plain(step.verdict)}</b>: ${wrapped(step.sentence)}`);
    return lines.join("");
  };

  const pattern = (style, colour) => ({ shape: style.pattern, fillmode: "overlay", fgcolor: "rgba(0,0,0,0.55)", size: 6, solidity: 0.22, bgcolor: colour });

  const barTraces = (view, colour) =>
    view.phases.map((phase) => {
      const shown = view.slots.filter((slot) => hasValue(slot, phase) && phase.ms[slot.i] > 0);
      return {
        type: "bar", name: phase.style.label, hoverinfo: "skip",
        marker: { color: phase.style.colour, pattern: pattern(phase.style), line: { color: colour.card, width: 0.7 } },
        x: shown.map((slot) => slot.x + BAR.offset), y: shown.map((slot) => phase.ms[slot.i] * view.unit.factor), width: BAR.width,
      };
    });

  const bandTraces = (view) =>
    view.phases.map((phase) => ({
      type: "scatter", mode: "lines", stackgroup: "phases", name: phase.style.label, hoverinfo: "skip",
      line: { shape: "hvh", width: 0.4, color: phase.style.colour }, fillcolor: phase.style.colour,
      fillpattern: pattern(phase.style, phase.style.colour),
      x: view.slots.map((slot) => slot.x),
      y: view.slots.map((slot) => (hasValue(slot, phase) ? phase.ms[slot.i] * view.unit.factor : 0)),
    }));

  // A step line as one path, broken where a commit has no value; a lone commit is a dash.
  const stepped = (slots, value) => {
    const [x, y] = [[], []];
    for (const slot of slots) {
      const now = value(slot);
      x.push(slot.x - 0.5, slot.x + 0.5);
      y.push(now, now);
    }
    return { x, y };
  };

  const lineTraces = (view) =>
    view.phases.map((phase) => {
      const value = (slot) => (hasValue(slot, phase) && phase.ms[slot.i] > 0 ? phase.ms[slot.i] * view.unit.factor : null);
      const line = { width: 1.6, color: phase.style.colour };
      const trace = { type: "scatter", name: phase.style.label, hoverinfo: "skip", connectgaps: false };
      if (view.dense) return { ...trace, ...stepped(view.slots, value), mode: "lines", line: { ...line, simplify: false } };
      return {
        ...trace, mode: "lines+markers", line: { ...line, shape: "hvh" },
        marker: { size: 8, symbol: phase.symbol, color: phase.style.colour, line: { width: 1, color: "rgba(0,0,0,0.45)" } },
        x: view.slots.map((slot) => slot.x), y: view.slots.map(value),
      };
    });

  const errors = (quantity, shown, unit, colour, width) => ({
    type: "data", symmetric: false, color: colour, thickness: 1.6, width,
    array: shown.map(({ i }) => (quantity.hi[i] === null ? 0 : (quantity.hi[i] - quantity.ms[i]) * unit.factor)),
    arrayminus: shown.map(({ i }) => (quantity.lo[i] === null ? 0 : (quantity.ms[i] - quantity.lo[i]) * unit.factor)),
  });

  const wholeTraces = (view, colour) => {
    const traces = [];
    const { wall, unobserved } = view.condition;
    if (wall) {
      const shown = view.slots.filter((slot) => hasValue(slot, wall));
      traces.push({
        type: "scatter", mode: "markers", hoverinfo: "skip", name: "whole call",
        x: shown.map((slot) => slot.x + (view.log ? 0 : BAR.offset)), y: shown.map((slot) => wall.ms[slot.i] * view.unit.factor),
        marker: { symbol: "line-ew", size: 12, line: { color: colour.ink, width: 2 } },
        error_y: errors(wall, shown, view.unit, colour.ink, 5),
      });
    }
    if (unobserved) {
      const shown = view.slots.filter((slot) => hasValue(slot, unobserved));
      const y = shown.map((slot) => unobserved.ms[slot.i] * view.unit.factor);
      const error_y = { ...errors(unobserved, shown, view.unit, colour.soft, 3), thickness: 1.2 };
      traces.push(
        view.log
          ? { type: "scatter", mode: "markers", hoverinfo: "skip", name: "unobserved", x: shown.map((slot) => slot.x + 0.12), y, error_y, marker: { symbol: "square-open", size: 8, color: colour.soft } }
          : { type: "bar", hoverinfo: "skip", name: "unobserved", x: shown.map((slot) => slot.x + HOLLOW.offset), y, error_y, width: HOLLOW.width, marker: { color: "rgba(0,0,0,0)", line: { color: colour.soft, width: view.slotPx < 30 ? 0.8 : 1.4 } } },
      );
    }
    return traces;
  };

  // Runs of neighbouring slots.
  const neighbours = (slots) =>
    slots.reduce((found, slot) => {
      const last = found[found.length - 1];
      if (last && last[last.length - 1].x === slot.x - 1) last.push(slot);
      else found.push([slot]);
      return found;
    }, []);

  // The interval of each run as one polygon: along its lower ends, and back along its upper ones.
  const veilOf = (view, wall) => {
    const bounded = view.slots.filter((slot) => hasValue(slot, wall) && wall.lo[slot.i] !== null && wall.hi[slot.i] !== null && !(view.log && wall.lo[slot.i] <= 0));
    const [x, y] = [[], []];
    for (const run of neighbours(bounded)) {
      for (const slot of run) {
        x.push(slot.x - 0.5, slot.x + 0.5);
        y.push(wall.lo[slot.i] * view.unit.factor, wall.lo[slot.i] * view.unit.factor);
      }
      for (const slot of [...run].reverse()) {
        x.push(slot.x + 0.5, slot.x - 0.5);
        y.push(wall.hi[slot.i] * view.unit.factor, wall.hi[slot.i] * view.unit.factor);
      }
      x.push(null);
      y.push(null);
    }
    return { x, y };
  };

  // Of many commits: the medians as step lines, the interval of the whole call as a veil. A mark of
  // its own for each commit would take seconds to draw.
  const denseWholes = (view, colour) => {
    const { wall, unobserved } = view.condition;
    const trace = { type: "scatter", mode: "lines", hoverinfo: "skip", connectgaps: false };
    const line = (name, quantity, ink) => ({
      ...trace, name, line: { color: ink, width: 1.3, simplify: false },
      ...stepped(view.slots, (slot) => (hasValue(slot, quantity) ? quantity.ms[slot.i] * view.unit.factor : null)),
    });
    const veil = (quantity) => ({ ...trace, name: "interval", fill: "toself", fillcolor: "rgba(128,128,128,0.4)", line: { width: 0, simplify: false }, ...veilOf(view, quantity) });
    return [...(wall ? [veil(wall), line("whole call", wall, colour.ink)] : []), ...(unobserved ? [line("unobserved", unobserved, colour.soft)] : [])];
  };

  const stripTraces = (view, colour) =>
    view.strips.map((strip, s) => {
      const value = (slot) => (slot.i < 0 ? null : strip.value[slot.i]);
      let last = null;
      const changed = view.slots.map((slot) => {
        const now = value(slot);
        const differs = now !== null && last !== null && now !== last;
        if (now !== null) last = now;
        return differs;
      });
      return {
        type: "scatter", mode: view.dense ? "lines" : "lines+markers", yaxis: `y${s + 2}`, name: strip.label, connectgaps: true,
        line: { shape: "hvh", width: 1.6, color: colour.accent },
        marker: {
          size: changed.map((differs) => (differs ? 9 : 5)), symbol: changed.map((differs) => (differs && strip.exact ? "diamond" : "circle-open")),
          color: colour.accent,
        },
        x: view.slots.map((slot) => slot.x), y: view.slots.map(value),
        hovertext: view.slots.map((slot) => `${plain(slot.hash.slice(0, 8))}<br>${plain(strip.label)}: <b>${count(value(slot))}</b>`),
        hoverinfo: "text",
      };
    });

  const hoverTrace = (view) => ({
    type: "scatter", mode: "lines", yaxis: "y99", x: view.slots.map((slot) => slot.x), y: view.slots.map(() => 0.5),
    line: { width: 0, color: "rgba(0,0,0,0)" }, hoverlabel: { bordercolor: view.border }, hoverinfo: "text", hovertext: view.slots.map((slot) => about(view, slot)), name: "commit",
  });

  const stepTrace = (view, colour) => {
    const shown = view.slots.filter((slot) => view.steps.has(slot.hash));
    const steps = shown.map((slot) => view.steps.get(slot.hash));
    return {
      type: "scatter", mode: "text", yaxis: "y99", hoverinfo: "skip", name: "steps",
      x: shown.map((slot) => slot.x), y: shown.map(() => 0.985), textposition: "bottom center", cliponaxis: false,
      text: steps.map((step) => SIGNS[step.verdict] + (view.dense || view.slotPx < 44 || step.change === null ? "" : ` ${percent(step.change)}`)),
      textfont: { size: 12, color: steps.map((step) => (step.verdict === "regressed" ? colour.bad : colour.good)) },
    };
  };

  // Neighbouring slots without a bar for the same reason, as one.
  const runs = (absent) =>
    absent.reduce((found, slot) => {
      const last = found[found.length - 1];
      if (last && last.status === slot.status && last.to === slot.x - 1) last.to = slot.x;
      else found.push({ status: slot.status, from: slot.x, to: slot.x });
      return found;
    }, []);

  // Shapes and words for commits that have no bar, and for those that are not shown at all.
  const marks = (view, colour, top) => {
    const absent = view.slots.filter((slot) => slot.status !== "ok");
    const skipped = view.slots.filter((slot) => slot.skipped > 0 && slot.x > 0);
    const tint = (slot, soft, strong) => (slot.status === "missing" ? soft : strong);
    return {
      shapes: [
        ...runs(absent).map((run) => ({
          type: "rect", xref: "x", yref: "y99", x0: run.from - 0.45, x1: run.to + 0.45, y0: 0, y1: 1, layer: "below",
          fillcolor: tint(run, colour.page, colour["bad-soft"]), line: { color: tint(run, colour.line, colour.bad), width: 1, dash: "dot" },
        })),
        ...skipped.map((slot) => ({
          type: "line", xref: "x", yref: "y99", x0: slot.x - 0.5, x1: slot.x - 0.5, y0: 0, y1: 1, layer: "below", line: { color: colour.line, width: 1, dash: "dot" },
        })),
      ],
      annotations: [
        ...(view.slotPx < 16 ? [] : absent).map((slot) => ({
          xref: "x", yref: "y99", x: slot.x, y: 0.5, text: ABSENT[slot.status], textangle: -90, showarrow: false, captureevents: false,
          font: { size: 13, color: tint(slot, colour.soft, colour.bad) },
        })),
        ...(view.slotPx < 110 ? [] : skipped).map((slot) => ({
          xref: "x", yref: "paper", x: slot.x - 0.5, y: top, yanchor: "bottom", text: `${slot.skipped} not measured`, showarrow: false,
          font: { size: 10, color: colour.soft }, textangle: 0,
        })),
      ],
    };
  };

  const ticks = (view) => {
    const upright = view.slotPx < 66;
    const every = Math.max(1, Math.ceil((view.dense ? 74 : 15) / view.slotPx));
    const shown = view.slots.filter((slot) => slot.x % every === 0);
    return {
      angle: view.dense || !upright ? 0 : -90,
      px: view.dense || !upright ? 26 : 68,
      tickvals: shown.map((slot) => slot.x),
      ticktext: shown.map((slot) => plain(slot.hash.slice(0, 8))),
    };
  };

  const spans = (view) => {
    const values = view.phases.flatMap((phase) => view.slots.filter((slot) => hasValue(slot, phase) && phase.ms[slot.i] > 0).map((slot) => phase.ms[slot.i]));
    for (const whole of [view.condition.wall, view.condition.unobserved]) {
      if (whole) for (const slot of view.slots) if (hasValue(slot, whole) && whole.ms[slot.i] > 0) values.push(whole.hi[slot.i] ?? whole.ms[slot.i]);
    }
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), 0);
    return values.length ? [low * view.unit.factor, high * view.unit.factor] : [0.1, 1];
  };

  // Names at the right end of the lines, pushed apart where they would overlap.
  const lineNames = (view, colour, range) => {
    const [low, high] = range;
    const last = view.phases
      .map((phase) => ({ phase, slot: [...view.slots].reverse().find((slot) => hasValue(slot, phase) && phase.ms[slot.i] > 0) }))
      .filter((entry) => entry.slot)
      .map((entry) => ({ ...entry, y: Math.log10(entry.phase.ms[entry.slot.i] * view.unit.factor) }))
      .sort((a, b) => a.y - b.y);
    let floor = -Infinity;
    return last.map(({ phase, y }) => {
      const px = (MAIN_PX * (y - low)) / (high - low);
      const placed = Math.max(px, floor + 13);
      floor = placed;
      return { xref: "paper", yref: "y", x: 1, xanchor: "left", y, yshift: placed - px, xshift: 6, text: plain(phase.style.label), showarrow: false, font: { size: 11, color: colour.ink } };
    });
  };

  const stripAxis = (strip, view, domain, axis) => {
    const values = view.slots.filter((slot) => slot.i >= 0 && strip.value[slot.i] !== null).map((slot) => strip.value[slot.i]);
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const pad = (high - low || Math.abs(high) || 1) * 0.2;
    const tickvals = low === high ? [low] : [low, high];
    return { ...axis, domain, range: [low - pad, high + pad], tickvals, ticktext: tickvals.map(count), showgrid: true, zeroline: false };
  };

  const logTicks = ([low, high]) => {
    const steps = high - low > 3 ? [1] : high - low > 1.5 ? [1, 3] : [1, 2, 5];
    const decades = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, k) => Math.floor(low) + k);
    const tickvals = decades.flatMap((decade) => steps.map((step) => step * 10 ** decade)).filter((value) => Math.log10(value) >= low && Math.log10(value) <= high);
    return { tickvals, ticktext: tickvals.map((value) => value.toLocaleString("en-GB", { maximumSignificantDigits: 2 })) };
  };

  const axesOf = (view, axis, place, colour, total) => {
    const [low, high] = spans(view);
    const range = view.log ? [Math.log10(low) - 0.1, Math.log10(high) + 0.18] : [0, high * 1.1];
    const axes = {
      yaxis: {
        ...axis, domain: place.main, range, type: view.log ? "log" : "linear", title: { text: `median, ${view.unit.name}`, standoff: 8 }, separatethousands: true,
        ...(view.log ? logTicks(range) : {}),
      },
      yaxis99: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
    };
    const notes = view.log ? lineNames(view, colour, range) : [];
    view.strips.forEach((strip, s) => {
      axes[`yaxis${s + 2}`] = stripAxis(strip, view, place.strips[s], axis);
      const y = place.strips[s][1];
      const now = [...view.slots].reverse().find((slot) => slot.i >= 0 && strip.value[slot.i] !== null);
      const unit = strip.label.includes(strip.unit) || strip.unit === "unit" ? "" : ` ${strip.unit}`;
      const words = { xref: "paper", yref: "paper", y, yanchor: "bottom", showarrow: false, font: { size: 11.5, color: colour.soft } };
      notes.push({ ...words, x: 0, xanchor: "left", text: `${plain(strip.label)}${now ? `: <b>${count(strip.value[now.i])}</b>${plain(unit)}${now.x === view.to ? "" : ` at ${plain(now.hash.slice(0, 8))}`}` : ""}` });
    });
    return { axes, notes, total };
  };

  const placed = (view, ticksPx) => {
    const inner = MAIN_PX + ticksPx + view.strips.length * (STRIP_PX + STRIP_GAP_PX);
    const strips = view.strips.map((_, s) => {
      const top = inner - MAIN_PX - ticksPx - STRIP_GAP_PX - s * (STRIP_PX + STRIP_GAP_PX);
      return [Math.max(0, (top - STRIP_PX) / inner), top / inner];
    });
    return { inner, main: [1 - MAIN_PX / inner, 1], strips };
  };

  const layoutOf = (view, colour) => {
    const family = getComputedStyle(document.body).fontFamily;
    const labels = ticks(view);
    const place = placed(view, labels.px);
    const axis = { gridcolor: colour.grid, zerolinecolor: colour.line, tickfont: { size: 11 }, fixedrange: true, automargin: false };
    const { axes, notes } = axesOf(view, axis, place, colour);
    const { shapes, annotations } = marks(view, colour, 1);
    const margin = { l: LEFT_PX, r: view.log ? LABELS_PX : RIGHT_PX, t: 22, b: 14 };
    return {
      barmode: "stack", showlegend: false, hovermode: "x", hoverdistance: -1, dragmode: "zoom", height: place.inner + margin.t + margin.b, margin,
      font: { family, size: 12, color: colour.ink }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { align: "left", bgcolor: colour.card, bordercolor: colour.soft, font: { family, size: 12, color: colour.ink } },
      xaxis: {
        showgrid: false, zeroline: false, tickfont: { size: 11 }, anchor: "y", range: [view.from - 0.6, view.to + 0.6], tickangle: labels.angle,
        tickvals: labels.tickvals, ticktext: labels.ticktext, ticks: "outside", ticklen: 4, tickcolor: colour.line,
        showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: colour.soft, spikesnap: "data",
      },
      ...axes, shapes, annotations: [...annotations, ...notes],
    };
  };

  // view: slots (those in range, each with x, i, hash, message, date, status, skipped), from, to,
  // width, log, condition, styles, strips, steps (by hash).
  const draw = (chart, given) => {
    const slotPx = Math.max(1, given.width - LEFT_PX - (given.log ? LABELS_PX : RIGHT_PX)) / (given.to - given.from + 1.2);
    const phases = given.styles
      .map((style, place) => ({ ...given.condition.phases.find((phase) => phase.name === style.name), style, symbol: SYMBOLS[place % SYMBOLS.length] }))
      .filter((phase) => phase.ms && given.slots.some((slot) => hasValue(slot, phase) && phase.ms[slot.i] > 0));
    const whole = given.condition.wall ?? given.condition.unobserved;
    const largest = given.slots.reduce((most, slot) => (whole && hasValue(slot, whole) ? Math.max(most, whole.ms[slot.i]) : most), 0);
    const view = { ...given, slotPx, dense: slotPx < LEAST_BAR_PX, phases, unit: jitscope.timeUnit(largest || 1), border: jitscope.colours().soft };
    if (!jitscope.canDraw()) return view;
    const colour = jitscope.colours();
    const stacked = view.dense ? bandTraces(view) : barTraces(view, colour);
    const traces = [
      ...(view.log ? lineTraces(view) : stacked), ...(view.dense ? denseWholes(view, colour) : wholeTraces(view, colour)),
      ...stripTraces(view, colour), stepTrace(view, colour), hoverTrace(view),
    ];
    Plotly.react(chart, traces, layoutOf(view, colour), { displayModeBar: false, responsive: false, doubleClick: false });
    return view;
  };

  return { draw, ABSENT, SIGNS, LEFT_PX, RIGHT_PX };
})();
