"use strict";
(() => {
  const { element, number, count, percent, state, links } = jitscope;
  const site = jitscope.embedded("data");
  const controls = document.getElementById("controls");
  const chart = document.getElementById("chart");
  const NEWEST = 30;
  const ROWS = 100; // of the table, unless more are asked for
  let commits = [];
  let timeline = null; // data of the problem that is shown
  let slots = []; // its commits, oldest first
  let view = null;
  let from = 0;
  let to = 0;
  let allRows = false;
  let listening = false;

  const setup = () => site.setups.find((one) => one.name === controls.elements.setup.value) ?? site.setups[0];
  const chosen = (name) => controls.elements[name].value;
  const condition = () => timeline.conditions.find((one) => one.name === chosen("condition"));

  const slotsOf = () => {
    const now = condition();
    const column = new Map(timeline.orders.map((order, i) => [order, i]));
    const first = timeline.orders[0];
    const orders = controls.elements.gaps.checked ? commits.map((_, order) => order).slice(first) : timeline.orders;
    return orders.map((order, x) => {
      const i = column.get(order) ?? -1;
      const [hash, message, date] = commits[order];
      const skipped = x === 0 ? 0 : order - orders[x - 1] - 1;
      return { x, i, order, hash, message, date, skipped, status: i < 0 || !now ? "missing" : now.status[i] };
    });
  };

  const placeOf = (hash) => slots.findIndex((slot) => hash && slot.hash.startsWith(hash));

  const clamp = (a, b) => {
    const last = slots.length - 1;
    from = Math.max(0, Math.min(a, last));
    to = Math.max(from, Math.min(b, last));
  };

  const remember = () => {
    const whole = from === 0 && to === slots.length - 1;
    state.write({
      problem: chosen("problem"), condition: chosen("condition"), scale: chosen("scale") === "log" ? "log" : "",
      gaps: controls.elements.gaps.checked ? "1" : "", setup: site.setups.length > 1 ? chosen("setup") : "",
      from: whole ? "" : slots[from].hash.slice(0, 12), to: whole ? "" : slots[to].hash.slice(0, 12),
    });
  };

  const steps = () => timeline.steps.filter((step) => step.condition === chosen("condition"));

  const strips = () => timeline.counters.filter((one) => one.conditions === null || one.conditions.includes(chosen("condition")));

  // Plotly gives the chart these events once it is drawn.
  const listen = () => {
    if (listening) return;
    listening = true;
    chart.on("plotly_relayout", (changed) => {
      const [a, b] = [changed["xaxis.range[0]"], changed["xaxis.range[1]"]];
      if (a === undefined || b === undefined) return;
      clamp(Math.ceil(a - 0.3), Math.floor(b + 0.3));
      show();
    });
    chart.on("plotly_doubleclick", () => {
      clamp(...zoom.all());
      show();
    });
  };

  const draw = () => {
    const shown = slots.slice(from, to + 1);
    const now = condition();
    document.getElementById("none").hidden = Boolean(now);
    chart.hidden = !now || !jitscope.canDraw();
    if (!now) return;
    const counted = strips().filter((one) => shown.some((slot) => slot.i >= 0 && one.value[slot.i] !== null));
    view = timelineChart.draw(chart, {
      slots: shown, from, to, width: chart.clientWidth, log: chosen("scale") === "log", condition: now, styles: site.styles, strips: counted,
      steps: new Map(steps().map((step) => [step.commit, step])),
    });
    if (jitscope.canDraw()) listen();
    const present = new Set(view.phases.map((phase) => phase.name));
    for (const item of document.querySelectorAll("#legend [data-phase]")) item.hidden = !present.has(item.dataset.phase);
    document.getElementById("range").textContent =
      shown.length === slots.length ? `all ${slots.length} commits` : `${shown.length} of ${slots.length} commits: ${shown[0].hash.slice(0, 8)} to ${shown[shown.length - 1].hash.slice(0, 8)}`;
  };

  const text = (quantity, i) => (quantity && i >= 0 ? view.unit.text(quantity.ms[i]) : "–");

  const cell = (quantity, i) => {
    const td = element("td", {}, text(quantity, i));
    if (quantity && i >= 0 && quantity.lo[i] !== null) {
      td.append(element("small", {}, `${number(quantity.lo[i] * view.unit.factor)} to ${number(quantity.hi[i] * view.unit.factor)}`));
    }
    return td;
  };

  const compared = (base, to) => {
    const address = links.compare(base, to, { problem: chosen("problem"), condition: chosen("condition"), setup: setup().name });
    return element("a", { href: address }, "compare with ", element("code", {}, base.slice(0, 8)));
  };

  const absent = (slot) => {
    const reason = timeline.reasons[slot.i];
    return reason && slot.status !== "missing" ? `${timelineChart.ABSENT[slot.status]}: ${reason}` : timelineChart.ABSENT[slot.status];
  };

  const profiled = (hash) =>
    Object.hasOwn(site.profiles, hash) ? element("a", { href: site.profiles[hash], title: `Profile of ${hash.slice(0, 8)}` }, "profile") : null;

  const before = (slot) => slots.slice(0, slot.x).reverse().find((one) => one.status === "ok");

  const row = (slot, now, counted) => {
    const head = element("th", { scope: "row" }, jitscope.commitName(slot.hash, site.address), " ", profiled(slot.hash));
    const start = [head, element("td", { class: "message" }, slot.message), element("td", {}, slot.date)];
    if (slot.status !== "ok") {
      return element("tr", {}, ...start, element("td", { class: "absent", colspan: view.phases.length + counted.length + 4 }, absent(slot)));
    }
    const base = before(slot);
    return element(
      "tr", {}, ...start, element("td", {}, base ? compared(base.hash, slot.hash) : "–"), element("td", {}, String(now.wall ? now.wall.n[slot.i] : "–")), cell(now.unobserved, slot.i), cell(now.wall, slot.i),
      ...view.phases.map((phase) => element("td", {}, text(phase, slot.i))), ...counted.map((one) => element("td", {}, count(one.value[slot.i]))),
    );
  };

  const listCommits = () => {
    const table = document.getElementById("commits");
    const now = condition();
    if (!now) return table.tBodies[0].replaceChildren();
    const counted = strips();
    const names = ["Commit", "Message", "Author date", "What moved", "Samples", "unobserved", "whole call", ...view.phases.map((phase) => phase.style.label), ...counted.map((one) => one.label)];
    table.tHead.replaceChildren(element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))));
    const shown = slots.slice(from, to + 1).reverse();
    const listed = allRows ? shown : shown.slice(0, ROWS);
    table.tBodies[0].replaceChildren(...listed.map((slot) => row(slot, now, counted)));
    document.getElementById("more").hidden = listed.length === shown.length;
  };

  const listSteps = () => {
    const box = document.getElementById("steps");
    const found = steps().slice().reverse();
    if (!found.length) return box.replaceChildren(element("p", {}, "None was found under this condition."));
    const names = new Map(commits.map(([hash, message]) => [hash, message]));
    box.replaceChildren(element("ul", { class: "moves" }, ...found.map((step) => element(
      "li", { class: step.verdict },
      element("b", { class: `verdict ${step.verdict}` }, `${timelineChart.SIGNS[step.verdict]} ${step.verdict}${step.change === null ? "" : ` ${percent(step.change)}`}`), " ",
      jitscope.commitName(step.commit, site.address), " ", element("span", { class: "message" }, names.get(step.commit) ?? ""), " ", compared(step.base, step.commit),
      element("p", {}, step.sentence, step.suspects ? ` ${count(step.suspects)} ${step.suspects === 1 ? "commit" : "commits"} before it changed the solver and were not measured: the step may be theirs.` : ""),
    ))));
  };

  const show = () => {
    draw();
    listSteps();
    listCommits();
    remember();
    document.documentElement.dataset.drawn = String(to - from + 1);
  };

  const narrate = () => {
    document.getElementById("title").textContent = chosen("problem");
    for (const part of document.querySelectorAll(".question")) part.hidden = part.dataset.condition !== chosen("condition");
    const place = String(site.setups.indexOf(setup()));
    for (const part of document.querySelectorAll(".setup")) part.hidden = part.dataset.setup !== place;
    const last = [...slots].reverse().find((slot) => slot.status === "ok");
    const now = condition();
    const newest = document.getElementById("latest");
    if (!last || !now) return newest.replaceChildren();
    const whole = now.unobserved ?? now.wall;
    const unit = jitscope.timeUnit(whole && whole.ms[last.i] ? whole.ms[last.i] : 1);
    newest.replaceChildren(`${last.hash.slice(0, 8)}: `, element("b", {}, whole ? unit.text(whole.ms[last.i]) : "–"), now.unobserved && now.wall ? `, observed ${unit.text(now.wall.ms[last.i])}` : "");
  };

  // Another problem, condition or setup: keep the range, by its commits.
  const reload = async (wanted = {}) => {
    delete document.documentElement.dataset.drawn;
    const problem = setup().problems.find((one) => one.name === chosen("problem")) ?? setup().problems[0];
    const ends = slots.length && from + to && !(from === 0 && to === slots.length - 1) ? [slots[from].hash, slots[to].hash] : [wanted.from, wanted.to];
    try {
      [commits, timeline] = await Promise.all([jitscope.load("commits"), jitscope.load(problem.file)]);
    } catch (error) {
      return jitscope.fail(error);
    }
    slots = slotsOf();
    const [a, b] = ends.map(placeOf);
    clamp(a < 0 ? 0 : a, b < 0 ? slots.length - 1 : b);
    narrate();
    show();
  };

  const fillProblems = (name) => {
    const select = controls.elements.problem;
    const names = setup().problems.map((one) => one.name);
    select.replaceChildren(...names.map((one) => new Option(one, one)));
    select.value = names.includes(name) ? name : names[0];
  };

  const adopt = (values) => {
    if (site.setups.some((one) => one.name === values.setup)) controls.elements.setup.value = values.setup;
    fillProblems(values.problem);
    const known = site.conditions.map((one) => one.name);
    controls.elements.condition.value = known.includes(values.condition) ? values.condition : known[0];
    controls.elements.scale.value = values.scale === "log" ? "log" : "linear";
    controls.elements.gaps.checked = values.gaps === "1";
    slots = [];
    return reload(values);
  };

  const zoom = {
    all: () => [0, slots.length - 1],
    newest: () => [slots.length - NEWEST, slots.length - 1],
    in: () => [from + Math.ceil((to - from) / 4), to - Math.floor((to - from) / 4)],
    out: () => [from - Math.max(1, Math.ceil((to - from) / 2)), to + Math.max(1, Math.ceil((to - from) / 2))],
    older: () => shifted(-1),
    newer: () => shifted(1),
  };

  const shifted = (direction) => {
    const span = to - from;
    const by = direction * Math.max(1, Math.round(span / 2));
    const start = Math.max(0, Math.min(from + by, slots.length - 1 - span));
    return [start, start + span];
  };

  controls.addEventListener("change", (event) => {
    if (event.target.name === "setup") fillProblems(chosen("problem"));
    reload();
  });
  controls.addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      clamp(...zoom[button.dataset.zoom]());
      show();
    });
  }
  document.getElementById("more").addEventListener("click", () => {
    allRows = true;
    listCommits();
  });
  addEventListener("hashchange", () => adopt(state.read()));
  let resized = null;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(draw, 120);
  });
  jitscope.onScheme(() => draw());
  jitscope.begin();
  adopt(state.read());
})();
