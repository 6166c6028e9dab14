"use strict";
// What a page does where scripts are allowed: tables are sorted and filtered, curves zoomed, topologies looked through.
// Text of results goes into the page as text nodes only.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dashes = [[], [8, 4], [3, 3], [10, 4, 2, 4], [5, 2, 1, 2, 1, 2]];
  const whole = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5];
  const wide = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
  const figures = (value) => (value == null ? "–" : Math.abs(value) >= 1e6 || (value && Math.abs(value) < 1e-3)
    ? value.toExponential(2) : wide.format(value));

  function made(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  // Filters stand in the address as #experiments=rigl&runs=failed; every other fragment is a place in the page.
  const tables = new Map();
  const state = () => new URLSearchParams(location.hash.includes("=") && !document.getElementById(place()) ? location.hash.slice(1) : "");
  function place() {
    try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
  }

  function remember() {
    const words = new URLSearchParams();
    for (const [name, table] of tables) if (table.search()) words.set(name, table.search());
    const text = words.toString();
    if (text || state().size) history.replaceState(null, "", text ? `#${text}` : `${location.pathname}${location.search}`);
  }

  function enhance(table) {
    const made = new DataTable(table, {
      autoWidth: false,
      pageLength: 25,
      lengthMenu: [10, 25, 100, { label: "all", value: -1 }],
      order: [],
      search: { search: state().get(table.id) || "" },
      layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
      language: { search: "Filter:", lengthMenu: "Rows: _MENU_", info: "_START_ to _END_ of _TOTAL_", infoEmpty: "none",
        infoFiltered: "(of _MAX_)", zeroRecords: "No row has these words.", emptyTable: "There are none yet." },
    });
    table.classList.add("ready");
    tables.set(table.id, made);
    made.on("search.dt", remember);
    const region = table.closest(".scroll");
    const inner = table.closest(".dt-layout-table"), label = region.getAttribute("aria-label");
    region.querySelector(".dt-paging nav").setAttribute("aria-label", `Pages: ${label}`);
    for (const name of ["role", "tabindex", "aria-label"]) {
      inner.setAttribute(name, region.getAttribute(name));
      region.removeAttribute(name);
    }
  }

  function restore() {
    const words = state();
    for (const [name, table] of tables) {
      const text = words.get(name) || "";
      if (words.size && table.search() !== text) table.search(text).draw();
    }
    open();
  }

  // A link to a section opens it and all around it.
  function open() {
    const target = location.hash.length > 1 && document.getElementById(place());
    if (!target) return;
    let closed = false;
    for (let outer = target.closest("details"); outer; outer = outer.parentElement.closest("details")) {
      closed ||= !outer.open;
      outer.open = true;
    }
    if (closed) target.scrollIntoView();
    if (target.matches("[tabindex]")) target.focus({ preventScroll: true });
  }

  // Charts
  const ink = "#3c4249";
  const grid = { stroke: "#e6e6e6", width: 1 };
  const axis = (label) => ({ label, stroke: ink, grid, ticks: grid, font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif", values: (_, splits) => splits.map(figures) });

  function aligned(lines) {
    const steps = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
    const at = new Map(steps.map((step, index) => [step, index]));
    return [steps, ...lines.map((line) => {
      const values = new Array(steps.length).fill(undefined);
      line.steps.forEach((step, index) => { values[at.get(step)] = line.returns[index]; });
      return values;
    })];
  }

  function chart(box, lines, title) {
    const plot = made("div", { className: "plot" });
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", `${title}: mean return against environment steps, ${lines.length} line${lines.length === 1 ? "" : "s"}. The numbers stand in the tables.`);
    const read = made("p", { className: "read" });
    box.append(plot, read);
    const values = aligned(lines);
    const size = () => ({ width: Math.max(plot.clientWidth - 12, 240), height: Math.min(340, Math.max(220, plot.clientWidth * 0.5)) });
    const drawn = new uPlot({
      ...size(),
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, focus: { prox: 24 } },
      focus: { alpha: 0.3 },
      scales: { x: { time: false } },
      series: [{}, ...lines.map((line) => ({ label: line.name, stroke: line.colour || "#0b5cad", width: 1.8,
        dash: dashes[(line.dash || 0) % dashes.length], points: { show: values[0].length < 2 } }))],
      axes: [axis("environment steps"), { ...axis("mean return"), size: 62 }],
      hooks: { setCursor: [(self) => { read.textContent = told(self, lines, values); }] },
    }, values, plot);
    new ResizeObserver(() => { const now = size(); if (now.width !== drawn.width) drawn.setSize(now); }).observe(plot);
    box.append(buttons(drawn, values[0]));
    if (lines.length > 1) box.append(legend(drawn, lines));
  }

  function told(self, lines, values) {
    const index = self.cursor.idx;
    if (index == null) return "";
    const near = lines.map((line, number) => [line, values[number + 1][index]]).filter(([, value]) => value != null);
    const shown = near.filter((_, number) => self.series[number + 1].show).slice(0, 6);
    return `step ${values[0][index].toLocaleString("en")}: ` + shown.map(([line, value]) => `${line.name} ${figures(value)}`).join("; ");
  }

  function buttons(drawn, steps) {
    const first = steps[0], last = steps[steps.length - 1];
    const move = (factor, shift) => () => {
      const { min, max } = drawn.scales.x;
      const half = ((max - min) * factor) / 2, middle = (min + max) / 2 + shift * (max - min);
      drawn.setScale("x", { min: Math.max(middle - half, first), max: Math.min(middle + half, last) });
    };
    const button = (text, label, onclick) => made("button", { type: "button", textContent: text, ariaLabel: label, onclick });
    return made("div", { className: "buttons" },
      button("+", "zoom in", move(0.5, 0)), button("−", "zoom out", move(2, 0)),
      button("←", "earlier", move(1, -0.25)), button("→", "later", move(1, 0.25)),
      button("all", "show all steps", () => drawn.setScale("x", { min: first, max: last })));
  }

  function legend(drawn, lines) {
    return made("ul", { className: "legend" }, ...lines.map((line, index) => {
      const box = made("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => drawn.setSeries(index + 1, { show: box.checked }));
      const seeds = line.num_seeds === 1 ? "1 seed" : `${line.num_seeds} seeds`;
      return made("li", {}, made("label", {}, box, swatch(line), made("span", {}, made("bdi", { textContent: line.name }), ` · ${seeds}`)));
    }));
  }

  function swatch(line) {
    const canvas = made("canvas", { width: 56, height: 24 });
    canvas.style.width = "28px";
    canvas.style.height = "12px";
    canvas.setAttribute("aria-hidden", "true");
    const pen = canvas.getContext("2d");
    pen.strokeStyle = line.colour;
    pen.lineWidth = 4;
    pen.setLineDash(dashes[line.dash % dashes.length].map((length) => 2 * length));
    pen.beginPath();
    pen.moveTo(2, 12);
    pen.lineTo(54, 12);
    pen.stroke();
    return canvas;
  }

  // Topologies: one side of a layer at one evaluation, as bars by unit.
  function viewer(box, { steps, sides }) {
    const names = sides.map((side) => `${side.network}/${side.layer}, ${side.side}s`);
    const choice = made("select", {}, ...names.map((name, index) => made("option", { value: index, textContent: name })));
    const moment = made("input", { type: "range", min: 0, max: steps.length - 1, value: steps.length - 1 });
    const plot = made("div", { className: "plot" });
    plot.setAttribute("role", "img");
    const read = made("p", { className: "read", ariaLive: "polite" });
    box.append(made("div", { className: "buttons" }, made("label", {}, "Layer ", choice),
      ...(steps.length > 1 ? [made("label", {}, "Evaluation ", moment)] : [])), plot, read);
    let drawn = null;
    const size = () => ({ width: Math.max(plot.clientWidth - 12, 240), height: 220 });
    const show = (fresh) => {
      const side = sides[choice.value], live = side.live[moment.value], most = Math.max(...side.live.flat(), 1);
      const silent = live.filter((count) => !count).length;
      read.textContent = `step ${steps[moment.value].toLocaleString("en")}: ${live.length} ${side.side}s, ${silent} without live weights, at most ${Math.max(...live)} of ${side.weights_per_unit} alive`;
      plot.setAttribute("aria-label", `Live weights by unit of ${names[choice.value]}; ${read.textContent}`);
      moment.setAttribute("aria-valuetext", `step ${steps[moment.value].toLocaleString("en")}`);
      const values = [live.map((_, unit) => unit), live];
      if (!fresh && drawn) { drawn.setData(values); return; }
      if (drawn) drawn.destroy();
      drawn = new uPlot({
        ...size(), legend: { show: false }, cursor: { drag: { x: true, y: false } },
        scales: { x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] }, y: { range: [0, most * 1.04] } },
        series: [{}, { stroke: "#0b5cad", fill: "#0b5cad99", width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.85, 40] }) }],
        axes: [{ ...axis(side.side === "input" ? "input" : "unit"), incrs: whole }, { ...axis("live weights"), size: 56, incrs: whole }],
      }, values, plot);
    };
    choice.addEventListener("change", () => show(true));
    moment.addEventListener("input", () => show(false));
    show(true);
    new ResizeObserver(() => { const now = size(); if (drawn && now.width !== drawn.width) drawn.setSize(now); }).observe(plot);
  }

  // What is large is made when it comes into sight.
  function draw(target) {
    sight.unobserve(target);
    if (target.childElementCount) return;
    const panel = data.panels[target.dataset.panel];
    chart(target, panel.lines, panel.environment);
  }
  const sight = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) draw(target);
  }, { rootMargin: "400px" });

  // Paper has no pages of tables to turn, and nothing to open.
  const closed = () => document.querySelectorAll("details.more:not([open])");
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...closed()];
    for (const each of folded) each.open = true;
    for (const table of tables.values()) table.page.len(-1).draw(false);
  });
  addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
    for (const table of tables.values()) table.page.len(25).draw(false);
  });

  // A figure that had to be made small, as on a phone, can be had in its own size.
  for (const card of document.querySelectorAll(".figure .card")) {
    const picture = card.querySelector("img");
    const button = made("button", { type: "button", textContent: "Full size" });
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const large = card.classList.toggle("large");
      button.setAttribute("aria-pressed", String(large));
      if (large) card.setAttribute("tabindex", "0");
      else card.removeAttribute("tabindex");
    });
    const box = made("div", { className: "buttons", hidden: true }, button);
    card.after(box);
    const fit = () => { box.hidden = !card.classList.contains("large") && picture.naturalWidth <= picture.clientWidth * 1.05; };
    new ResizeObserver(fit).observe(card);
    picture.decode().then(fit, () => {});
  }
  for (const box of document.querySelectorAll("[data-panel]")) sight.observe(box);
  for (const table of document.querySelectorAll("table.data")) enhance(table);

  document.addEventListener("toggle", (event) => {
    const opened = event.target;
    if (!opened.open || opened.dataset.made) return;
    if (opened.dataset.run) {
      opened.dataset.made = "yes";
      const box = opened.querySelector("[data-run-chart]"), line = data.runs[opened.dataset.run];
      if (line && line.steps.length > 1) {
        chart(box, [line], line.name);
        box.previousElementSibling.hidden = true; // the picture of the same curve
      }
    } else if (opened.dataset.topology && data.topologies[opened.dataset.topology]) {
      opened.dataset.made = "yes";
      viewer(opened.querySelector(".viewer"), data.topologies[opened.dataset.topology]);
    }
  }, true);

  addEventListener("hashchange", restore);
  open();
})();
