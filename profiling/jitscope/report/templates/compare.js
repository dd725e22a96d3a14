"use strict";
(() => {
  const { element, number, count, percent, signed, state, links } = jitscope;
  const site = jitscope.embedded("data");
  const controls = document.getElementById("controls");
  const problems = document.getElementById("problem");
  const RULES = { alpha: site.alpha, least: site.least };
  const WALL = "wall";
  const UNOBSERVED = "unobserved_wall";
  const BAR_PX = 46;
  let commits = [];
  let listed = null; // the setup's series
  let sides = { base: null, to: null }; // name, place in the setup, samples
  let shown = {}; // what the address says
  let turn = 0;

  const setup = () => site.setups.find((one) => one.name === controls.elements.setup.value) ?? site.setups[0];
  const condition = () => document.querySelector("#conditions input:checked").value;
  const kept = (name) => controls.elements[name].value;

  // Working trees that recordings were made of, besides the measured commits.
  const trees = () => [...new Set(site.recorded.flatMap((one) => [one.base, one.to]))];

  const label = (side) => {
    const hash = side.replace("+", "");
    const commit = commits.find(([name]) => name === hash);
    const words = commit ? `${commit[2]} ${commit[1]}` : "not on this line";
    return `${hash.slice(0, 8)}${side.endsWith("+") ? " and uncommitted changes" : ""}  ${words}`.slice(0, 90);
  };

  const fillCommits = (base, to) => {
    const measured = setup().commits.map(({ order }) => commits[order][0]).reverse();
    const names = [...trees().filter((side) => !measured.includes(side)), ...measured];
    const whole = setup().commits.filter(({ phases }) => phases).map(({ order }) => commits[order][0]).reverse();
    const [newest, before] = [...whole, ...measured];
    for (const [name, wanted, otherwise] of [["base", base, before ?? newest], ["to", to, newest]]) {
      const select = controls.elements[name];
      select.replaceChildren(...names.map((side) => new Option(label(side), side)));
      select.value = names.find((side) => wanted && side.startsWith(wanted) && side.endsWith("+") === wanted.endsWith("+")) ?? otherwise;
    }
  };

  const samplesOf = async (hash) => {
    const found = setup().commits.find(({ order }) => commits[order][0] === hash);
    return found ? jitscope.load(found.file) : null;
  };

  const judged = (i) => {
    const series = listed.series[i];
    const point = (side) => side?.points[i] ?? "missing";
    const versions = [sides.base?.versions ?? {}, sides.to?.versions ?? {}];
    return { series, base: point(sides.base), to: point(sides.to), ...jitscopeVerdicts.judge(point(sides.base), point(sides.to), series, versions, RULES) };
  };

  const value = (point, series) => {
    if (typeof point === "string") return point === "missing" ? "not measured" : point;
    return series.unit === "ms" ? jitscope.timeUnit(point[0]).text(point[0]) : count(point[0]);
  };

  const interval = (point, series) => {
    if (typeof point === "string" || series.counter) return null;
    if (point[1] === null || point[2] === null) return element("small", {}, "no interval");
    const unit = series.unit === "ms" ? jitscope.timeUnit(point[0]) : { factor: 1 };
    return element("small", {}, `${number(Math.max(0, point[1]) * unit.factor)} to ${number(point[2] * unit.factor)}`);
  };

  const change = (row) => {
    if (row.difference === null) return "–";
    if (row.series.counter) return signed(row.difference, count);
    return row.ratio === null ? "–" : row.ratio >= 2 ? `${number(row.ratio)} times` : percent(row.ratio - 1);
  };

  const significance = (row) => {
    if (row.p !== null) return `${row.significant ? "yes" : "no"}, p = ${row.p < 1e-4 ? row.p.toExponential(1) : row.p.toPrecision(2)}`;
    return row.series.counter && row.difference !== null ? "exact" : "–";
  };

  const noise = ({ series, threshold }) => (series.counter ? (series.absolute ? `${series.absolute} ${series.unit}` : "none") : `${number(100 * threshold)}%`);

  const verdict = (row) => element("td", { class: "text" }, element("b", { class: `verdict ${row.verdict}`, title: row.reason }, `${site.signs[row.verdict]} ${row.verdict}`));

  const cells = (row) => [
    element("td", {}, value(row.base, row.series), interval(row.base, row.series)), element("td", {}, value(row.to, row.series), interval(row.to, row.series)),
    element("td", {}, change(row)), element("td", {}, significance(row)), element("td", {}, noise(row)), verdict(row),
  ];

  const HEADS = ["base", "compared", "magnitude", "significant", "noise"];

  const fill = (table, names, rows) => {
    table.tHead.replaceChildren(element("tr", {}, ...names.map((name, place) => element("th", { scope: "col", class: place === names.length - 1 ? "text" : null }, name))));
    table.tBodies[0].replaceChildren(...rows);
  };

  const indices = (test) => listed.series.map((series, i) => [series, i]).filter(([series]) => test(series)).map(([, i]) => i);

  const summarise = () => {
    const rows = indices((series) => series.phase === UNOBSERVED).map((i) => {
      const row = judged(i);
      const name = site.conditions.find((one) => one.name === row.series.condition)?.label ?? row.series.condition;
      const button = element("button", { type: "button", class: "link" }, `${row.series.problem}, ${name.toLowerCase()}`);
      button.addEventListener("click", () => {
        choose(row.series.problem, row.series.condition);
        show();
        document.getElementById("bars").scrollIntoView({ block: "center" });
      });
      return element("tr", {}, element("th", { scope: "row" }, button), ...cells(row));
    });
    fill(document.getElementById("summary"), ["Unobserved call", ...HEADS, "Verdict"], rows);
  };

  const ofProblem = (series) => series.problem === problems.value;
  const inCondition = (series) => series.condition === null || series.condition === condition();

  const detailed = () => {
    const order = new Map(site.styles.map((style, place) => [style.name, place]));
    const rank = (series) => (series.phase === UNOBSERVED ? -2 : series.phase === WALL ? -1 : series.phase ? order.get(series.phase) ?? 90 : series.counter ? 100 : 200);
    const words = (series) => ({ [WALL]: "whole call, observed", [UNOBSERVED]: "whole call, unobserved" })[series.phase] ?? site.styles.find((style) => style.name === series.phase)?.label ?? series.label;
    const rows = indices((series) => ofProblem(series) && inCondition(series)).map(judged)
      .filter((row) => !(row.base === "skipped" && row.to === "skipped") && !(row.base === "missing" && row.to === "missing"))
      .filter((row) => row.series.phase === null || typeof row.base === "string" || typeof row.to === "string" || row.base[0] !== 0 || row.to[0] !== 0)
      .sort((a, b) => rank(a.series) - rank(b.series));
    const unit = (series) => (series.unit === "ms" || words(series).includes(series.unit) || series.unit === "unit" ? "" : `, ${series.unit}`);
    fill(document.getElementById("details"), ["Figure", ...HEADS, "Verdict"], rows.map((row) =>
      element("tr", { class: row.verdict === "improved" || row.verdict === "regressed" ? "moved" : null }, element("th", { scope: "row" }, words(row.series) + unit(row.series)), ...cells(row))));
    listSessions(rows.filter((row) => row.apart && !row.series.counter));
    return rows;
  };

  const listSessions = (apart) => {
    const known = apart.every((row) => row.series.sessions > 0);
    document.getElementById("sessions").textContent = !apart.length ? ""
      : `The two were measured in different sessions: their noise is that from session to session.${known ? "" : " No solver was measured in both, so that it may be more: the machine may have changed as well as the code."}`;
  };

  const bars = (rows) => {
    const chart = document.getElementById("bars");
    const colour = jitscope.colours();
    const names = ["compared", "base"];
    const figure = (row, side) => (typeof row[side] === "string" ? 0 : row[side][0]);
    const phases = site.styles.map((style) => ({ style, row: rows.find(({ series }) => series.phase === style.name) }))
      .filter(({ row }) => row && (figure(row, "base") > 0 || figure(row, "to") > 0));
    for (const item of document.querySelectorAll("#legend [data-phase]")) item.hidden = !phases.some(({ style }) => style.name === item.dataset.phase);
    chart.hidden = !phases.length || !jitscope.canDraw();
    if (chart.hidden) return;
    const longest = Math.max(...["base", "to"].map((side) => phases.reduce((sum, { row }) => sum + figure(row, side), 0)));
    const unit = jitscope.timeUnit(longest);
    const traces = phases.map(({ style, row }) => ({
      type: "bar", orientation: "h", y: names, x: [figure(row, "to") * unit.factor, figure(row, "base") * unit.factor], hoverinfo: "text",
      marker: { color: style.colour, line: { color: colour.card, width: 0.7 }, pattern: { shape: style.pattern, fillmode: "overlay", fgcolor: "rgba(0,0,0,0.55)", size: 6, solidity: 0.22 } },
      hovertext: ["to", "base"].map((side) => `${jitscope.plain(style.label)}: <b>${unit.text(figure(row, side))}</b>`), width: 0.7,
    }));
    const family = getComputedStyle(document.body).fontFamily;
    Plotly.react(chart, traces, {
      barmode: "stack", showlegend: false, height: 2 * BAR_PX + 62, margin: { l: 74, r: 16, t: 6, b: 46 }, dragmode: false,
      font: { family, size: 12, color: colour.ink }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: colour.card, bordercolor: colour.soft, font: { family, size: 12, color: colour.ink } },
      xaxis: { fixedrange: true, gridcolor: colour.grid, zerolinecolor: colour.line, title: { text: `median, ${unit.name}`, standoff: 6 }, separatethousands: true },
      yaxis: { fixedrange: true, ticks: "outside", ticklen: 6, tickcolor: "rgba(0,0,0,0)" },
    }, { displayModeBar: false, responsive: true });
  };

  const table = (caption, names, rows) => element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, element("table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...names.map((name, place) => element("th", { scope: "col", class: place ? null : "text" }, name)))), element("tbody", {}, ...rows)));

  const plainRow = (head, ...values) => element("tr", {}, element("th", { scope: "row" }, head), ...values.map((text) => element("td", {}, text)));

  const ms = (time) => (time === null || time === undefined ? "–" : jitscope.timeUnit(time).text(time));

  const recordedOf = (one) => {
    const parts = [element("h3", {}, one.subject), ...one.notes.map((note) => element("p", { class: "stated" }, note))];
    parts.push(one.lines.length
      ? table("Lines that convert or compile otherwise", ["Line", "function", "kind", "base", "compared", "change"], one.lines.map((line) => plainRow(line.place, line.function, line.kind, count(line.base), count(line.to), line.change)))
      : element("p", {}, "No line converts or compiles otherwise."));
    if (one.scopes.length) parts.push(table("Device time by scope", ["Scope", "base", "compared"], one.scopes.map((scope) => plainRow(scope.name, ms(scope.base), ms(scope.to)))));
    const known = (row) => row.base !== null || row.to !== null;
    const [times, counters] = [one.times.filter(known), one.counters.filter(known)];
    if (times.length) parts.push(table("Phases", ["Phase", "base", "compared", "verdict"], times.map((row) => plainRow(row.name, ms(row.base), ms(row.to), `${site.signs[row.verdict] ?? ""} ${row.verdict}`))));
    if (counters.length) parts.push(table("Counters", ["Counter", "base", "compared", "verdict"], counters.map((row) => plainRow(row.name, count(row.base), count(row.to), `${site.signs[row.verdict] ?? ""} ${row.verdict}`))));
    return parts;
  };

  const listRecorded = () => {
    const found = site.recorded.filter((one) => one.base === kept("base") && one.to === kept("to"));
    const none = element("p", { class: "stated" }, "There is no recording of both: the commands below make them.");
    document.getElementById("recorded").replaceChildren(...(found.length ? found.flatMap(recordedOf) : [none]));
  };

  // The timeline holds measured commits, oldest first; a working tree has no place on it.
  const listLinks = () => {
    const places = [kept("base"), kept("to")].map((side) => commits.findIndex(([name]) => name === side));
    const chosen = { problem: problems.value, condition: condition(), setup: setup().name };
    const [first, last] = places.sort((a, b) => a - b).map((place) => commits[place]?.[0]);
    const timeline = first ? links.timeline(first, last, chosen) : links.address("timeline.html", chosen);
    const drawn = listed.series.some((series) => series.phase !== null && ofProblem(series));
    document.getElementById("links").replaceChildren(
      ...(drawn ? [element("a", { href: timeline }, `${problems.value} on the timeline${first ? ", from the one to the other" : ""}`)] : []),
      ...[...new Set([kept("base"), kept("to")])].filter((side) => Object.hasOwn(site.profiles, side))
        .map((side) => element("a", { href: site.profiles[side] }, `Profile of ${short(side)}${side.endsWith("+") ? " and uncommitted changes" : ""}`)),
      element("a", { href: links.address("index.html", { setup: setup().name }) }, "All problems in the overview"),
    );
  };

  const short = (side) => side.replace("+", "").slice(0, 8);

  const command = () => {
    const [base, to] = [short(kept("base")), short(kept("to"))];
    const problem = /^[\w.-]+$/.test(problems.value) ? ` PROBLEM=${problems.value}` : "";
    const lines = [base, to].map((hash) => `git worktree add --force --detach ../at-${hash} ${hash} && make -C ../at-${hash} profile${problem}`);
    return [`make compare BASE=${base} TO=${to}`, ...lines].join("\n");
  };

  const choose = (problem, chosen) => {
    if ([...problems.options].some((option) => option.value === problem)) problems.value = problem;
    const radio = [...document.querySelectorAll("#conditions input")].find((one) => one.value === chosen);
    if (radio) radio.checked = true;
  };

  const show = () => {
    summarise();
    bars(detailed());
    listRecorded();
    listLinks();
    document.getElementById("command").textContent = command();
    state.write({ base: kept("base"), to: kept("to"), problem: problems.value, condition: condition(), setup: site.setups.length > 1 ? kept("setup") : "" });
    document.documentElement.dataset.drawn = kept("to");
  };

  const reload = async () => {
    delete document.documentElement.dataset.drawn;
    turn += 1;
    const mine = turn;
    try {
      const [base, to] = await Promise.all([samplesOf(kept("base")), samplesOf(kept("to"))]);
      if (mine !== turn) return;
      sides = { base, to };
    } catch (error) {
      return jitscope.fail(error);
    }
    show();
  };

  const adopt = async (values) => {
    shown = values;
    delete document.documentElement.dataset.drawn;
    if (site.setups.some((one) => one.name === shown.setup)) controls.elements.setup.value = shown.setup;
    try {
      [commits, listed] = await Promise.all([jitscope.load("commits"), jitscope.load(setup().series)]);
    } catch (error) {
      return jitscope.fail(error);
    }
    fillCommits(shown.base, shown.to);
    const names = [...new Set(listed.series.map((series) => series.problem).filter((name) => name !== null))];
    problems.replaceChildren(...names.map((name) => new Option(name, name)));
    choose(shown.problem, shown.condition);
    return reload();
  };

  controls.addEventListener("change", (event) => (event.target.name === "setup" ? adopt({ ...state.read(), setup: kept("setup") }) : reload()));
  controls.addEventListener("submit", (event) => event.preventDefault());
  problems.addEventListener("change", show);
  document.getElementById("conditions").addEventListener("change", show);
  document.getElementById("swap").addEventListener("click", () => {
    const [base, to] = [kept("base"), kept("to")];
    controls.elements.base.value = to;
    controls.elements.to.value = base;
    reload();
  });
  document.getElementById("copy").addEventListener("click", () => {
    // A page opened from disk may not write to the clipboard; then the text is selected instead.
    const code = document.getElementById("command");
    getSelection().selectAllChildren(code);
    const copied = document.execCommand("copy");
    document.getElementById("copied").textContent = copied ? "copied" : "selected: press Ctrl+C";
  });
  addEventListener("hashchange", () => adopt(state.read()));
  jitscope.onScheme(() => show());
  jitscope.begin();
  adopt(state.read());
})();
