"use strict";
// What the pages share. Everything from a data file is text, never markup.
const jitscope = (() => {
  const loaded = new Map();
  const waiting = new Map();

  // Data files call this; see site_data.py.
  const receive = (name, text) => {
    const data = JSON.parse(text);
    loaded.set(name, data);
    waiting.get(name)?.resolve(data);
  };

  const load = (name) => {
    if (loaded.has(name)) return Promise.resolve(loaded.get(name));
    if (!waiting.has(name)) {
      const entry = {};
      entry.promise = new Promise((resolve, reject) => {
        entry.resolve = resolve;
        const script = document.createElement("script");
        script.src = `data/${encodeURIComponent(name)}.js`;
        script.addEventListener("error", () => {
          waiting.delete(name);
          reject(new Error(`${script.src} cannot be read: run make html again.`));
        });
        document.head.append(script);
      });
      waiting.set(name, entry);
    }
    return waiting.get(name).promise;
  };

  const embedded = (id) => JSON.parse(document.getElementById(id).textContent);

  // Plotly reads a few HTML tags in its texts; a commit message must never be read as one.
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  const wrapped = (text, width = 56) => {
    const lines = [""];
    for (const word of text.match(/\S{1,56}/g) ?? []) {
      const last = lines.length - 1;
      if (lines[last] && lines[last].length + word.length + 1 > width) lines.push(word);
      else lines[last] += (lines[last] ? " " : "") + word;
    }
    return lines.map(plain).join("<br>");
  };

  // An element with attributes and children; strings become text.
  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };

  // Making a formatter takes longer than a thousand uses of one.
  const formatters = new Map();
  const fixed = (value, digits) => {
    if (!formatters.has(digits)) formatters.set(digits, new Intl.NumberFormat("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
    return formatters.get(digits).format(value);
  };

  // Three significant digits without an exponent, as on the server.
  const number = (value) => {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0";
    const digits = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
    return fixed(value, digits);
  };

  const count = (value) =>
    value === null || value === undefined ? "–" : value === Math.round(value) ? fixed(value, 0) : number(value);

  const signed = (value, text) => (value > 0 ? "+" : value < 0 ? "−" : "±") + text(Math.abs(value));

  const percent = (fraction) => signed(fraction, (size) => `${fixed(100 * size, 1)}%`);

  const UNITS = [["s", 1e-3, 1e4], ["ms", 1, 1], ["µs", 1e3, 0]];

  // The unit in which a time of so many milliseconds reads best, and what turns ms into it.
  const timeUnit = (ms) => {
    const [name, factor] = UNITS.find(([, , from]) => Math.abs(ms) >= from);
    return { name, factor, text: (value) => (value === null ? "–" : `${number(value * factor)} ${name}`) };
  };

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const names = ["ink", "soft", "card", "line", "grid", "accent", "bad", "bad-soft", "good", "page"];
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  };

  // What the address's hash says, and how it is set without a step back in the browser's history.
  const state = {
    read: () => Object.fromEntries(new URLSearchParams(location.hash.slice(1))),
    write: (values) => {
      const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
      const hash = `#${new URLSearchParams(kept)}`;
      if (hash !== location.hash) history.replaceState(null, "", hash);
    },
  };

  const isHash = (text) => /^[0-9a-f]{40,64}$/.test(text);

  // A commit's short name, as a link to the forge where there is one.
  const commitName = (hash, address) => {
    const code = element("code", {}, hash.slice(0, 8));
    return address && isHash(hash) ? element("a", { href: address + hash, rel: "noreferrer" }, code) : code;
  };

  // Addresses of other pages' views, as links.py writes them.
  const links = {
    address: (page, values) => `${page}#${new URLSearchParams(Object.entries(values).filter(([, value]) => value))}`,
    timeline: (base, to, chosen) => links.address("timeline.html", { ...chosen, from: base.slice(0, 12), to: to.slice(0, 12) }),
    compare: (base, to, chosen) => links.address("compare.html", { base: base.slice(0, 12), to: to.slice(0, 12), ...chosen }),
  };

  // What needs scripts is shown by them; the plain tables take its place until then, and if it fails.
  const begin = () => {
    document.getElementById("interactive").hidden = false;
    document.getElementById("plain").open = false;
    if (!canDraw()) say("The charts cannot be drawn, as plotly.min.js did not load: run make html again. The tables hold the same numbers.");
  };

  const canDraw = () => typeof Plotly !== "undefined";

  const say = (words) => {
    const box = document.getElementById("failure");
    box.textContent = words;
    box.hidden = false;
  };

  const fail = (error) => {
    say(error.message);
    document.getElementById("plain").open = true;
    document.documentElement.dataset.drawn = "failed";
  };

  const onScheme = (draw) => matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  return { receive, load, embedded, plain, wrapped, element, number, count, signed, percent, timeUnit, colours, state, links, commitName, begin, canDraw, fail, onScheme };
})();
