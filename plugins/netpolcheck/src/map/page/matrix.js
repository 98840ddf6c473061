// The matrix of namespaces: how many connections each has to each, the darker the more of all that there could be.
const matrix = document.getElementById("matrix");

function drawMatrix() {
  matrix.replaceChildren();
  const spaces = Array.from({length: SPACES}, (_, space) => space).filter(space => shownOf(space).length > 0);
  const table = element("table", "", matrix);
  const head = element("tr", "", element("thead", "", table));
  element("th", "from ↓  to →", head);
  for (const space of spaces) {
    const cell = element("th", "", head);
    element("span", spaceTitle(space), cell);
    cell.title = spaceName(space);
  }
  const body = element("tbody", "", table);
  for (const from of spaces) {
    const row = element("tr", "", body);
    const name = element("th", spaceTitle(from), row);
    name.title = spaceName(from);
    for (const to of spaces) {
      const many = counts[from][to];
      const cell = element("td", many ? String(many) : "·", row, many ? "" : "none");
      cell.dataset.cell = `${spaceName(from)} > ${spaceName(to)}`;
      cell.title = `${spaceName(from)} → ${spaceName(to)}: ${many} connections`;
      if (!many) continue;
      const possible = itemsOf[from].length * itemsOf[to].length - (from === to ? itemsOf[from].length : 0);
      cell.style.background = `rgb(var(--shade) / ${0.1 + 0.5 * many / Math.max(possible, many)})`;
      cell.classList.toggle("picked", picked === `pair ${from}:${to}`);
      cell.addEventListener("click", () => pick(`pair ${from}:${to}`));
    }
  }
  if (spaces.length === 0) element("p", "Nothing here is what you look for.", matrix);
}
