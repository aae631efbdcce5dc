// The SQL page: sends the query, asks how far it is, shows its rows. All texts come from the page, all values as text.
const form = document.querySelector("[data-query]");
const text = form.querySelector("textarea");
const run = form.querySelector("[type=submit]");
const cancel = form.querySelector("[data-cancel]");
const state = document.querySelector("[data-state]");
const formats = document.querySelector("[data-formats]");
const result = document.querySelector("[data-result]");
const answer = document.querySelector("[data-answer]");
const link = document.querySelector("[data-link]");
const said = form.dataset;
let running = null; // the id of the query that is under way

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const number = (value) => value.toLocaleString(document.documentElement.lang);

// Numbers of JavaScript hold integers up to 2^53 exactly; identifiers have up to 18 digits, so longer ones stay text.
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const exact = (text) => JSON.parse(text.replace(tokens, (found) => (/^-?\d{16,}$/.test(found) ? `"${found}"` : found)));

async function ask(method, address, body, headers = {}) {
  const answer = await fetch(address, { method, body, headers: { Accept: "application/json", ...headers } });
  const told = answer.status === 204 ? {} : exact(await answer.text());
  if (!answer.ok) throw Object.assign(new Error(told.detail || told.title), { kind: told.type });
  return told;
}

async function submit() {
  if (running || run.disabled) return;
  run.disabled = true;
  answer.hidden = chart.hidden = true;
  history.replaceState(null, "", link.href);
  state.classList.remove("bad");
  state.textContent = said.running;
  try {
    const body = JSON.stringify({ sql: text.value, max_rows: Number(said.most) });
    const headers = { "Content-Type": "application/json", Prefer: "wait=0" };
    let told = await ask("POST", "/v1/queries", body, headers);
    running = told.id;
    cancel.disabled = false;
    for (let wait = 50; told.state === "queued" || told.state === "running"; wait = Math.min(wait * 1.5, 1000)) {
      await pause(wait);
      told = await ask("GET", "/v1/queries/" + told.id);
    }
    if (told.state === "failed") throw Object.assign(new Error(told.reason), { kind: told.problem });
    if (told.state === "cancelled") state.textContent = said.cancelled;
    else await show(told);
  } catch (error) {
    state.classList.add("bad");
    const why = document.createElement("span");
    why.lang = "en"; // what the guard says of SQL
    why.textContent = error.message;
    state.replaceChildren((error.kind?.endsWith("query-refused") ? said.refused : said.failed) + " ", why);
  }
  running = null;
  cancel.disabled = true;
  run.disabled = false;
}

async function show(told) {
  const place = "/v1/queries/" + told.id + "/result";
  const found = await ask("GET", place + "?limit=" + said.shown);
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const column of found.columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    const type = document.createElement("small");
    type.textContent = " " + column.type;
    cell.append(column.name, type);
    if (isNumber(column)) cell.className = "n";
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of found.data) {
    const line = body.insertRow();
    for (const column of found.columns) {
      const value = row[column.name];
      const cell = line.insertCell();
      cell.textContent = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
      if (isNumber(column)) cell.className = "n";
    }
  }
  result.replaceChildren(table);
  answer.hidden = false;
  offer(found);
  for (const link of formats.querySelectorAll("a")) link.href = place + "?limit=10000&format=" + link.dataset.format;
  const parts = [said.done.replace("{rows}", number(told.rows)).replace("{seconds}", number(told.seconds))];
  if (told.truncated) parts.push(said.cut);
  if (told.rows > found.data.length) parts.push(said.first);
  state.textContent = parts.join(" ");
}

const isNumber = (column) => /^(tinyint|smallint|integer|int|bigint|decimal|double|real)/.test(column.type);

// The chart of an answer: bars or a line of one column by another. Positions are numbers; what is read are the exact texts.
const chart = document.querySelector("[data-chart]");
const MOST_BARS = 30;
let drawn = null; // the answer that can be drawn

function offer(found) {
  const numbers = found.columns.filter(isNumber).map((column) => column.name);
  const others = found.columns.map((column) => column.name);
  chart.hidden = !numbers.length || others.length < 2 || found.data.length < 2;
  if (chart.hidden) return;
  drawn = found;
  const options = (select, names, first) => {
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = first;
  };
  options(chart.querySelector("[data-of]"), numbers, numbers.at(-1));
  options(chart.querySelector("[data-by]"), others, others.find((name) => !numbers.includes(name)) ?? others[0]);
  draw();
}

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw() {
  const of = chart.querySelector("[data-of]").value;
  const by = chart.querySelector("[data-by]").value;
  const place = chart.querySelector("[data-drawing]");
  const width = Math.max(280, place.clientWidth || 600);
  const isLine = chart.querySelector("[data-kind=line]").ariaPressed === "true";
  const rows = drawn.data.slice(0, isLine ? drawn.data.length : MOST_BARS);
  const values = rows.map((row) => Number(row[of] ?? 0));
  const most = Math.max(0, ...values);
  const least = Math.min(0, ...values);
  const span = most - least || 1;
  const height = isLine ? 200 : rows.length * 40;
  const svg = element("svg", { role: "img", "aria-label": `${of}, ${by}`, viewBox: `0 0 ${width} ${height}`, width, height });
  if (isLine) {
    const x = (number) => 8 + (number * (width - 16)) / Math.max(1, rows.length - 1);
    const y = (value) => 176 - ((value - least) / span) * 150;
    svg.append(element("line", { x1: 0, x2: width, y1: y(0), y2: y(0), stroke: "var(--line)" }));
    svg.append(element("polyline", { points: values.map((value, number) => `${x(number)},${y(value)}`).join(" "), fill: "none", stroke: "var(--link)", "stroke-width": 2 }));
    for (const number of new Set([0, rows.length - 1])) {
      const anchor = number ? "end" : "start";
      svg.append(element("text", { x: number ? width : 0, y: 196, "text-anchor": anchor, "font-size": 12, fill: "currentColor" }, String(rows[number][by] ?? "")));
      svg.append(element("text", { x: number ? width : 0, y: Math.max(12, y(values[number]) - 8), "text-anchor": anchor, "font-size": 12, fill: "currentColor" }, String(rows[number][of] ?? "")));
    }
  } else {
    rows.forEach((row, number) => {
      const left = ((Math.min(0, values[number]) - least) / span) * width;
      svg.append(element("text", { x: 0, y: number * 40 + 14, "font-size": 13, fill: "currentColor" }, String(row[by] ?? "–").slice(0, 60)));
      svg.append(element("text", { x: width, y: number * 40 + 14, "font-size": 13, "text-anchor": "end", "font-weight": 600, fill: "currentColor" }, String(row[of] ?? "")));
      svg.append(element("rect", { x: left, y: number * 40 + 20, height: 10, width: (Math.abs(values[number]) / span) * width, fill: "var(--link)" }));
    });
  }
  place.replaceChildren(svg);
}

for (const select of chart.querySelectorAll("select")) select.addEventListener("change", draw);
for (const button of chart.querySelectorAll("[data-kind]")) {
  button.addEventListener("click", () => {
    for (const each of chart.querySelectorAll("[data-kind]")) each.ariaPressed = String(each === button);
    draw();
  });
}

// What is asked stands in the link, and in what is kept.
const kept = document.querySelector("[data-keep] [name=sql]");
text.addEventListener("input", () => {
  link.href = "/sql?q=" + encodeURIComponent(text.value);
  if (kept) kept.value = text.value;
});

form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
cancel.addEventListener("click", () => { if (running) ask("DELETE", "/v1/queries/" + running); });
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); }
});
for (const button of document.querySelectorAll("[data-insert]")) {
  button.addEventListener("click", () => {
    text.setRangeText(button.dataset.insert, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input"));
    text.focus();
  });
}
