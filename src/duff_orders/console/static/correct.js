// The grid: each field is sent when it is left, and the server's answer says what is wrong with the row now.
// Enter goes to the next wrong cell, Shift+Enter back, F2 opens the row, Esc puts a cell back, Ctrl+Enter publishes.
const grid = document.querySelector("[data-grid]");
const find = (name) => document.querySelector(`[data-${name}]`);
const before = new WeakMap(); // what a field held when it was sent last
let under = Promise.resolve(); // one cell is sent after the other

const fields = () => [...grid.querySelectorAll("[data-cell]")];
const wrong = () => fields().filter((field) => field.getAttribute("aria-invalid") === "true");

function note(line, name, cell) {
  const place = document.getElementById(`note-${line}-${name}`);
  if (!place) return;
  place.className = cell.look === "wrong" ? "bad" : "good";
  place.replaceChildren();
  if (cell.look) {
    const sign = document.createElement("i");
    sign.ariaHidden = "true";
    sign.textContent = cell.look === "wrong" ? "✕" : "✓";
    place.append(sign, " " + cell.note);
  }
  const field = place.parentElement.querySelector("[data-cell]");
  if (!field) return;
  if (cell.look === "wrong") field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
  field.classList.toggle("right", cell.look === "right");
}

function show(row, told) {
  for (const [name, cell] of Object.entries(told.cells)) note(row.dataset.line, name, cell);
  if (!row.classList.contains(told.state)) {
    row.classList.remove("wrong", "right");
    row.classList.add(told.state);
    find("told").textContent = told.told;
  }
  find("publish").textContent = told.bar.text;
  find("publish").disabled = !told.bar.can_publish;
  find("sum").textContent = told.bar.sum;
  find("kept").textContent = told.bar.kept;
  find("still").textContent = told.bar.still;
  find("undo").disabled = !told.bar.can_undo;
  find("redo").disabled = !told.bar.can_redo;
}

function send(field) {
  if (field.value === before.get(field)) return;
  before.set(field, field.value);
  const row = field.closest("tr");
  const body = new URLSearchParams({ line: row.dataset.line, column: field.dataset.cell, text: field.value });
  under = under.then(async () => {
    try {
      const answer = await fetch(grid.dataset.grid, { method: "POST", body, headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.detail || told.title);
      show(row, told);
    } catch (error) {
      before.delete(field); // it is not kept: leaving it once more tries again
      note(row.dataset.line, field.dataset.cell, { look: "wrong", note: error.message });
    }
  });
}

// The other cells of a row become fields.
function open(row) {
  for (const cell of row.querySelectorAll("td[data-name]:not(.open)")) {
    const text = cell.querySelector(".text");
    const field = document.createElement("input");
    field.dataset.cell = cell.dataset.name;
    field.value = text.dataset.whole ?? text.textContent;
    field.ariaLabel = `${row.dataset.line}, ${cell.dataset.name}`;
    field.autocomplete = "off";
    cell.classList.add("open");
    text.replaceWith(field);
    before.set(field, field.value);
  }
}

function go(field, step) {
  const all = wrong();
  const place = fields().indexOf(field);
  const next = step > 0 ? all.find((each) => fields().indexOf(each) > place) : all.findLast((each) => fields().indexOf(each) < place);
  (next || field).focus();
  if (next) next.select(); else send(field);
}

if (grid) {
  for (const field of fields()) before.set(field, field.value);
  grid.addEventListener("focusout", (event) => { if (event.target.dataset?.cell) send(event.target); });
  grid.addEventListener("dblclick", (event) => {
    const cell = event.target.closest("td[data-name]");
    if (!cell) return;
    const row = cell.closest("tr");
    if (row.querySelector("[data-open]") && !cell.querySelector(".text")?.textContent.endsWith("…")) { open(row); cell.querySelector("input").focus(); }
  });
  grid.addEventListener("keydown", (event) => {
    const field = event.target.closest("[data-cell]");
    if (!field) return;
    const row = field.closest("tr");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send(field);
      under = under.then(() => { if (!find("publish").disabled) find("publish").click(); });
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(field, event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      field.value = before.get(field) ?? field.defaultValue;
    } else if (event.key === "F2") {
      event.preventDefault();
      const link = row.querySelector("[data-open]");
      if ([...row.querySelectorAll(".text")].some((text) => text.textContent.endsWith("…"))) link?.click(); // whole texts come from the server
      else open(row);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey) && field.value === before.get(field)) {
      event.preventDefault();
      under = under.then(() => { if (!find("undo").disabled) find("undo").click(); });
    }
  });
  wrong()[0]?.focus({ preventScroll: true });
}
