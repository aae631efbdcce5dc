// The SQL page: sends the query, asks how far it is, shows its rows. All texts come from the page, all values as text.
const form = document.querySelector("[data-query]");
const text = form.querySelector("textarea");
const run = form.querySelector("[type=submit]");
const cancel = form.querySelector("[data-cancel]");
const state = document.querySelector("[data-state]");
const formats = document.querySelector("[data-formats]");
const result = document.querySelector("[data-result]");
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
  if (!answer.ok) throw new Error(told.detail || told.title);
  return told;
}

async function submit() {
  if (running || run.disabled) return;
  run.disabled = true;
  result.hidden = formats.hidden = true;
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
    if (told.state === "failed") throw new Error(told.reason);
    if (told.state === "cancelled") state.textContent = said.cancelled;
    else await show(told);
  } catch (error) {
    state.classList.add("bad");
    state.textContent = said.failed + " " + error.message;
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
    cell.textContent = column.name;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of found.data) {
    const line = body.insertRow();
    for (const column of found.columns) {
      const value = row[column.name];
      line.insertCell().textContent = value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    }
  }
  result.replaceChildren(table);
  result.hidden = formats.hidden = false;
  for (const link of formats.querySelectorAll("a")) link.href = place + "?limit=10000&format=" + link.dataset.format;
  const parts = [said.done.replace("{rows}", number(told.rows)).replace("{seconds}", number(told.seconds))];
  if (told.truncated) parts.push(said.cut);
  if (told.rows > found.data.length) parts.push(said.first);
  state.textContent = parts.join(" ");
}

form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
cancel.addEventListener("click", () => { if (running) ask("DELETE", "/v1/queries/" + running); });
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); }
});
for (const button of document.querySelectorAll("[data-insert]")) {
  button.addEventListener("click", () => {
    text.setRangeText(button.dataset.insert, text.selectionStart, text.selectionEnd, "end");
    text.focus();
  });
}
