// The graph: boxes and lines as SVG, and moving about in it.
const SVG = "http://www.w3.org/2000/svg";
const MOST_EDGES = 400;
const MOST_LABELS = 45;
const canvas = document.getElementById("canvas");
const graphNote = document.getElementById("graph-note");
const opened = new Uint8Array(SPACES);
let picture = null;
let view = {x: 0, y: 0, width: 1, height: 1};

function svg(name, attributes, parent) {
  const element = document.createElementNS(SVG, name);
  for (const key of Object.keys(attributes || {})) element.setAttribute(key, attributes[key]);
  if (parent) parent.append(element);
  return element;
}
function svgText(text, attributes, parent) {
  svg("text", attributes, parent).textContent = text;
}
const cut = (text, width) => {
  const most = Math.floor(width / 7.4);
  return text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text;
};
const round = number => Math.round(number * 10) / 10;

function drawGraph(fit) {
  picture = layOut(opened);
  canvas.replaceChildren();
  const defs = svg("defs", {}, canvas);
  for (const id of ["arrow", "arrow-out", "arrow-in"]) {
    const marker = svg("marker", {id, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 8, markerHeight: 8,
      markerUnits: "userSpaceOnUse", orient: "auto-start-reverse"}, defs);
    svg("path", {d: "M0 0 L10 5 L0 10 z"}, marker);
  }
  const [boxes, lines, nodes] = ["boxes", "lines", "nodes"].map(id => svg("g", {id}, canvas));
  for (const box of picture.boxes) drawBox(box, box.open ? boxes : nodes, nodes);
  for (const box of picture.boxes) box.items.forEach(([item]) => drawItem(item, nodes));
  drawEdges(lines);
  if (picture.boxes.length === 0) note("Nothing here is what you look for.");
  if (fit) fitView();
}

function drawBox(box, parent, above) {
  const place = picture.places.get(spaceEnd(box.space));
  const name = spaceName(box.space);
  const group = nodeGroup("space", name, spaceEnd(box.space), parent, () => toggle(box.space));
  group.setAttribute("aria-expanded", box.open ? "true" : "false");
  if (itemsOf[box.space].some(item => shown[item] && reachedFromOutside[item])) group.classList.add("reached");
  svg("rect", {x: place.x, y: place.y, width: place.width, height: place.height, rx: 8}, group);
  // Lines go behind the name of an open box.
  const title = {x: place.x + 10, y: place.y + 20, class: "name"};
  svgText(`${box.open ? "▾" : "▸"} ${cut(spaceTitle(box.space), place.width - 36)}`, title, box.open ? above : group);
  if (!box.open) svgText(box.about, {x: place.x + 10, y: place.y + 40, class: "small"}, group);
}

function drawItem(item, parent) {
  const place = picture.places.get(itemEnd(item));
  const name = itemName(item);
  const group = nodeGroup("item", name, itemEnd(item), parent, () => pick(itemEnd(item)));
  if (reachedFromOutside[item]) group.classList.add("reached");
  svg("rect", {x: place.x, y: place.y, width: place.width, height: place.height, rx: 6}, group);
  svgText(cut(shortName(item), place.width - 16) + (remarksOf(item).length > 0 ? " *" : ""), {x: place.x + 8, y: place.y + 17}, group);
  const host = inHostNetwork(item) ? ", host network" : "";
  svgText(cut(kindOf(item) + host, place.width - 10), {x: place.x + 8, y: place.y + 32, class: "small"}, group);
}

function nodeGroup(kind, name, end, parent, act) {
  const group = svg("g", {class: `node ${kind}`, tabindex: 0, role: "button", "aria-label": name}, parent);
  group.dataset.node = name;
  group.dataset.end = end;
  group.classList.toggle("picked", end === picked);
  svg("title", {}, group).textContent = name;
  group.addEventListener("click", event => { if (!moving.far) { event.stopPropagation(); act(); } });
  group.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); act(); }
  });
  return group;
}

function drawEdges(parent) {
  const [kind, place] = picked ? picked.split(" ") : [null, null];
  let edges = null;
  if (kind === "item") edges = edgesOfItem(Number(place), opened);
  else if (kind === "space") edges = edgesOfSpace(Number(place), opened);
  else edges = allEdges(opened, MOST_EDGES);
  note(edges === null ? "Too many lines to be read at once: click on a namespace or a workload to see its own." : "");
  const touched = new Set([picked]);
  labels = picture.boxes.flatMap(box => box.items.map(([item]) => picture.places.get(itemEnd(item))));
  for (const edge of edges || []) {
    drawEdge(edge, parent, edges.length <= MOST_LABELS);
    touched.add(edge.from).add(edge.to);
  }
  if (!picked) return;
  for (const node of canvas.querySelectorAll(".node")) {
    const [what, number] = node.dataset.end.split(" ");
    const home = what === "item" ? spaceEnd(spaceOf(Number(number))) : null;
    const isBox = what === "space" && opened[Number(number)];
    node.classList.toggle("away", !isBox && !touched.has(node.dataset.end) && !touched.has(home));
  }
}

// Where items and labels stand already: no label stands on them.
let labels = [];
function place(text, points) {
  const width = textWidth(text) * 0.85, height = 14;
  for (const point of points) {
    const own = {x: point.x - width / 2, y: point.y - height, width, height: height + 3};
    const meets = other => own.x < other.x + other.width && other.x < own.x + own.width &&
      own.y < other.y + other.height && other.y < own.y + own.height;
    if (!labels.some(meets)) {
      labels.push(own);
      return point;
    }
  }
  return null;
}

const endName = end => {
  const [kind, place] = end.split(" ");
  return kind === "item" ? itemName(Number(place)) : spaceName(Number(place));
};
const touches = end => end === picked || (picked && picked.startsWith("space ") && end.startsWith("item ") &&
  spaceEnd(spaceOf(Number(end.slice(5)))) === picked);

function drawEdge(edge, parent, labelled) {
  const [a, b] = [picture.places.get(edge.from), picture.places.get(edge.to)];
  if (!a || !b) return;
  const way = !picked || edge.both ? "" : touches(edge.from) ? " out" : " in";
  const group = svg("g", {class: `edge${way}${unsure(edge.said) ? " unsure" : ""}`}, parent);
  group.dataset.edge = `${endName(edge.from)} > ${endName(edge.to)}`;
  group.dataset.many = edge.both ? 2 * edge.many : edge.many;
  const {path, points} = edge.from === edge.to ? loop(a) : stub(edge, a, b) || curve(a, b);
  const head = `url(#arrow${way.trim() ? `-${way.trim()}` : ""})`;
  svg("path", {d: path, "marker-end": head, ...(edge.both ? {"marker-start": head} : {})}, group);
  svg("path", {d: path, class: "wide"}, group);
  const said = edge.said === null ? "differing ports" : saidText(edge.said);
  const pairs = edge.many > 1 ? ` (${edge.many} connections${edge.both ? " each way" : ""})` : "";
  const text = `${endName(edge.from)} ${edge.both ? "↔" : "→"} ${endName(edge.to)}: ${said}${pairs}`;
  svg("title", {}, group).textContent = text;
  const shown = cut(said, 180);
  const at = labelled && edge.said !== null ? place(shown, points) : null;
  if (at) svgText(shown, {x: round(at.x), y: round(at.y), "text-anchor": "middle"}, group);
  group.addEventListener("click", event => { event.stopPropagation(); showEdge(edge, said); });
}

// Between a workload and all others of its own box: a short arrow at its upper border.
function stub(edge, a, b) {
  const within = (item, space) => item.startsWith("item ") && spaceEnd(spaceOf(Number(item.slice(5)))) === space;
  if (within(edge.to, edge.from)) {
    const x = round(b.x + b.width - 14);
    return {path: `M${x} ${round(b.y - 16)} L${x} ${round(b.y)}`, points: []};
  }
  if (within(edge.from, edge.to)) {
    const x = round(a.x + a.width - 30);
    return {path: `M${x} ${round(a.y)} L${x} ${round(a.y - 16)}`, points: []};
  }
  return null;
}

// From border to border, bent a little, so that the way back does not lie on the way there.
function curve(a, b) {
  const from = {x: a.x + a.width / 2, y: a.y + a.height / 2};
  const to = {x: b.x + b.width / 2, y: b.y + b.height / 2};
  const [start, end] = [border(a, from, to), border(b, to, from)];
  const [dx, dy] = [end.x - start.x, end.y - start.y];
  const bend = Math.min(40, Math.hypot(dx, dy) * 0.12) / (Math.hypot(dx, dy) || 1);
  const middle = {x: start.x + dx / 2 - dy * bend, y: start.y + dy / 2 + dx * bend};
  const path = `M${round(start.x)} ${round(start.y)} Q${round(middle.x)} ${round(middle.y)} ${round(end.x)} ${round(end.y)}`;
  const on = t => ({
    x: (1 - t) * (1 - t) * start.x + 2 * t * (1 - t) * middle.x + t * t * end.x,
    y: (1 - t) * (1 - t) * start.y + 2 * t * (1 - t) * middle.y + t * t * end.y,
  });
  return {path, points: [0.5, 0.35, 0.65, 0.25, 0.75].map(on)};
}

function border(rectangle, centre, towards) {
  const [dx, dy] = [towards.x - centre.x, towards.y - centre.y];
  const scale = Math.min(rectangle.width / 2 / (Math.abs(dx) || 1e-6), rectangle.height / 2 / (Math.abs(dy) || 1e-6), 1);
  return {x: centre.x + dx * scale, y: centre.y + dy * scale};
}

// To itself: at the upper right corner.
function loop(a) {
  const [x, y] = [a.x + a.width, a.y];
  return {path: `M${round(x - 26)} ${round(y)} C${round(x - 26)} ${round(y - 34)} ${round(x + 34)} ${round(y + 26)} ${round(x)} ${round(y + 26)}`,
    points: [{x: x + 6, y: y - 12}]};
}

function note(text) {
  graphNote.textContent = text;
  graphNote.hidden = !text;
}

// Moving about.
function setView(next) {
  view = next;
  canvas.setAttribute("viewBox", `${round(view.x)} ${round(view.y)} ${round(view.width)} ${round(view.height)}`);
}
function fitView() {
  const margin = 40;
  // A small picture is not blown up.
  const width = Math.max(picture.width, 500), height = Math.max(picture.height, 300);
  setView({x: (picture.width - width) / 2 - margin, y: (picture.height - height) / 2 - margin,
    width: width + 2 * margin, height: height + 2 * margin});
}
// Of a large picture only the surroundings of one box, so that what stands in it can be read.
function showBox(space) {
  const box = picture.places.get(spaceEnd(space));
  const READABLE = 2200;
  if (!box || picture.width < READABLE) return;
  const width = Math.max(box.width * 1.6, 1200), height = Math.max(box.height * 1.2, 700);
  setView({x: box.x + box.width / 2 - width / 2, y: box.y + box.height / 2 - height / 2, width, height});
}
function zoom(factor, at) {
  const middle = at || {x: view.x + view.width / 2, y: view.y + view.height / 2};
  const width = clamp(60, view.width * factor, 4 * Math.max(picture.width, 700));
  const scale = width / view.width;
  setView({x: middle.x - (middle.x - view.x) * scale, y: middle.y - (middle.y - view.y) * scale,
    width, height: view.height * scale});
}
function pointAt(event) {
  const matrix = canvas.getScreenCTM();
  return matrix ? new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()) : {x: 0, y: 0};
}
const moving = {pointer: null, far: false, x: 0, y: 0};
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(clamp(-1, event.deltaY / 400, 1)), pointAt(event));
}, {passive: false});
canvas.addEventListener("pointerdown", event => {
  if (event.button === 0) Object.assign(moving, {pointer: event.pointerId, far: false, x: event.clientX, y: event.clientY});
});
canvas.addEventListener("pointermove", event => {
  if (moving.pointer !== event.pointerId) return;
  if (!moving.far && Math.hypot(event.clientX - moving.x, event.clientY - moving.y) < 5) return;
  if (!moving.far) canvas.setPointerCapture(event.pointerId);
  moving.far = true;
  canvas.classList.add("moved");
  const matrix = canvas.getScreenCTM();
  if (matrix) setView({...view, x: view.x - (event.clientX - moving.x) / matrix.a, y: view.y - (event.clientY - moving.y) / matrix.d});
  Object.assign(moving, {x: event.clientX, y: event.clientY});
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, () => { moving.pointer = null; canvas.classList.remove("moved"); });
}
canvas.addEventListener("click", () => { if (!moving.far) pick(null); });
canvas.addEventListener("keydown", event => {
  const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
  if (step) setView({...view, x: view.x + step[0] * view.width / 10, y: view.y + step[1] * view.height / 10});
  else if (event.key === "+") zoom(0.8);
  else if (event.key === "-") zoom(1.25);
  else if (event.key === "0") fitView();
  else if (event.key === "Escape") pick(null);
  else return;
  event.preventDefault();
});
