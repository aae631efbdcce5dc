// The calendar is one stop of the Tab key: arrows move from cell to cell, Home and End to the ends of a row.
for (const table of document.querySelectorAll("[data-calendar]")) {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.querySelector("a")));
  const links = rows.flat().filter(Boolean);
  const chosen = links.find((link) => link.closest(".today")) || links[0];
  for (const link of links) link.tabIndex = link === chosen ? 0 : -1;
  const move = (to) => {
    if (!to) return;
    for (const link of links) link.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  };
  const next = (row, column, down, right) => {
    for (let r = row + down, c = column + right; rows[r] && c >= 0 && c < rows[r].length; r += down, c += right) {
      if (rows[r][c]?.offsetParent) return rows[r][c];
    }
    return null;
  };
  table.addEventListener("keydown", (event) => {
    const row = rows.findIndex((each) => each.includes(event.target));
    if (row < 0) return;
    const column = rows[row].indexOf(event.target);
    const shown = rows[row].filter((link) => link?.offsetParent);
    const to = {
      ArrowLeft: () => next(row, column, 0, -1), ArrowRight: () => next(row, column, 0, 1),
      ArrowUp: () => next(row, column, -1, 0), ArrowDown: () => next(row, column, 1, 0),
      Home: () => shown[0], End: () => shown.at(-1),
    }[event.key];
    if (to) { event.preventDefault(); move(to()); }
  });
}
