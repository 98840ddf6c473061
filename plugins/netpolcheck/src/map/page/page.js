// What belongs together: the filters, the tabs, and what was clicked on.
let picked = null;
let tab = "graph";

function pick(end) {
  picked = end;
  const [kind, place] = end ? end.split(" ") : [null, null];
  // What is shown in words can be seen in the picture too.
  if (kind === "item") opened[spaceOf(Number(place))] = 1;
  if (kind !== "pair" && tab === "graph") drawGraph(false);
  if (tab === "matrix") drawMatrix();
  showPanel();
}

function toggle(space) {
  opened[space] = 1 - opened[space];
  picked = opened[space] ? spaceEnd(space) : null;
  drawGraph(true);
  if (opened[space]) showBox(space);
  showPanel();
}

function draw(fit) {
  for (const name of ["graph", "matrix", "notes"]) {
    document.getElementById(name).hidden = name !== tab;
    document.getElementById(`tab-${name}`).setAttribute("aria-selected", String(name === tab));
  }
  if (picked && picked.startsWith("pair ") && tab === "graph") picked = null;
  if (tab === "graph") drawGraph(fit);
  if (tab === "matrix") drawMatrix();
  showPanel();
}

for (const name of ["graph", "matrix", "notes"]) {
  document.getElementById(`tab-${name}`).addEventListener("click", () => { tab = name; draw(true); });
}

let later = 0;
function filterChanged() {
  clearTimeout(later);
  later = setTimeout(() => {
    filter.name = document.getElementById("filter-name").value.trim();
    filter.port = portWanted(document.getElementById("filter-port").value);
    filter.sure = document.getElementById("filter-sure").checked;
    applyFilter();
    if (picked && picked.startsWith("item ") && !shown[Number(picked.slice(5))]) picked = null;
    draw(true);
  }, 120);
}
for (const name of ["filter-name", "filter-port", "filter-sure"]) {
  document.getElementById(name).addEventListener("input", filterChanged);
}
const setAll = value => () => { opened.fill(value); picked = null; draw(true); };
document.getElementById("open-all").addEventListener("click", setAll(1));
document.getElementById("close-all").addEventListener("click", setAll(0));
document.getElementById("zoom-in").addEventListener("click", () => zoom(0.75));
document.getElementById("zoom-out").addEventListener("click", () => zoom(1 / 0.75));
document.getElementById("zoom-fit").addEventListener("click", fitView);

document.getElementById("about").textContent = data.about;
if (data.notEvaluated.length > 0) {
  const warning = document.getElementById("warning");
  warning.hidden = false;
  warning.textContent = `${data.notEvaluated.length === 1 ? "One thing was" : `${data.notEvaluated.length} things were`} ` +
    "not evaluated, and may change what is shown here: see the notes.";
}

const notes = document.getElementById("notes");
function rows(title, heads, lines) {
  if (lines.length === 0) return;
  element("h2", title, notes);
  const table = element("table", "", notes);
  const head = element("tr", "", element("thead", "", table));
  for (const name of heads) element("th", name, head);
  const body = element("tbody", "", table);
  for (const line of lines) {
    const row = element("tr", "", body);
    for (const text of line) element("td", text, row);
  }
}
rows("Entrances", ["Entrance", "Through", "To", "Ports", "Let in"], data.entrances);
rows("Not evaluated", ["What", "Why"], data.notEvaluated);
if (data.notes.length > 0) {
  element("h2", "How it was read", notes);
  const lines = element("ul", "", notes);
  for (const text of data.notes) element("li", text, lines);
}

applyFilter();
// Few workloads are shown at once; of many, the namespaces first.
if (PEERS <= 60) opened.fill(1);
if (SPACES > OUTSIDE && data.outside.length > 12) opened[OUTSIDE] = 0;
draw(true);
document.documentElement.dataset.ready = "yes";
