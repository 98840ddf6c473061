// What is known of the thing that was clicked on, in words.
const panel = document.getElementById("panel");
const MOST_NAMES = 200;

function element(name, text, parent, className) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  if (parent) parent.append(made);
  return made;
}

function link(end, text, parent) {
  const button = element("button", text, parent, "link");
  button.type = "button";
  button.addEventListener("click", () => pick(end));
}

// Items with the same ports together; the most names first.
function list(title, pairs) {
  element("h2", `${title} (${pairs.length})`, panel);
  if (pairs.length === 0) element("p", "nobody", panel, "ports");
  const groups = new Map();
  for (const [text, said] of pairs) {
    if (!groups.has(said)) groups.set(said, []);
    groups.get(said).push(text);
  }
  let room = MOST_NAMES;
  for (const [said, ends] of [...groups].sort((a, b) => b[1].length - a[1].length)) {
    element("p", `${saidText(said)}${unsure(said) ? " (not certain)" : ""}`, panel, "ports");
    const names = element("ul", "", panel);
    for (const end of ends.slice(0, room)) {
      const line = element("li", "", names);
      if (Array.isArray(end)) {
        link(itemEnd(end[0]), markedName(end[0]), line);
        line.append(" → ");
        link(itemEnd(end[1]), markedName(end[1]), line);
      } else link(itemEnd(end), markedName(end), line);
    }
    if (ends.length > room) element("li", `and ${ends.length - room} more`, names);
    room = Math.max(0, room - ends.length);
  }
}

function showPanel() {
  panel.replaceChildren();
  const [kind, place] = picked ? picked.split(" ") : [null, null];
  if (kind === "item") showItem(Number(place));
  else if (kind === "space") showSpace(Number(place));
  else if (kind === "pair") showPair(...place.split(":").map(Number));
  else {
    element("p", `${PEERS} ${words(PEERS, data.view)} in ${data.namespaces.length} ` +
      `${words(data.namespaces.length, "namespaces")}. Click on a namespace to open it, on what stands in it or on a ` +
      "line to see who reaches whom.", panel);
    const legend = element("ul", "", panel);
    for (const text of ["An orange border: addresses outside of the cluster reach it.",
      "A line to a box: the same for all that is in it. A short arrow: the same with all others of its box.",
      "A dashed line: it depends on something that is not known."]) element("li", text, legend);
    if (data.remarks.length > 0) {
      element("li", "* Policies that are not evaluated speak about it: what is shown holds only as far as they change nothing.", legend, "remark");
    }
  }
}

function showItem(item) {
  element("h2", itemName(item), panel);
  element("p", `${kindOf(item)}${inHostNetwork(item) ? ", in the network of its node" : ""}`, panel);
  for (const remark of remarksOf(item)) element("p", `Not evaluated, and may change this: ${remark}`, panel, "remark");
  if (item >= PEERS) {
    const ranges = data.outside[item - PEERS].ranges;
    const names = element("ul", "", panel);
    for (const range of ranges.slice(0, MOST_NAMES)) element("li", range, names);
    if (ranges.length > MOST_NAMES) element("li", `and ${ranges.length - MOST_NAMES} more`, names);
  }
  const others = Array.from({length: ITEMS}, (_, other) => other);
  list("Reaches", others.map(other => [other, between(item, other)]).filter(pair => pair[1]));
  list("Is reached by", others.map(other => [other, between(other, item)]).filter(pair => pair[1]));
}

function showSpace(space) {
  element("h2", spaceName(space), panel);
  const items = shownOf(space);
  element("p", `${items.length} ${words(items.length, space === OUTSIDE ? "ranges of addresses" : data.view)}`, panel);
  const names = element("ul", "", panel);
  for (const item of items.slice(0, MOST_NAMES)) link(itemEnd(item), shortName(item) + (remarksOf(item).length > 0 ? " *" : ""), element("li", "", names));
  if (items.length > MOST_NAMES) element("li", `and ${items.length - MOST_NAMES} more`, names);
  for (const [title, counted] of [["Reaches", other => counts[space][other]], ["Is reached by", other => counts[other][space]]]) {
    element("h2", title, panel);
    const lines = element("ul", "", panel);
    for (let other = 0; other < SPACES; other += 1) {
      if (!counted(other)) continue;
      const line = element("li", "", lines);
      link(title === "Reaches" ? `pair ${space}:${other}` : `pair ${other}:${space}`, spaceName(other), line);
      line.append(`: ${counted(other)} ${words(counted(other), "connections")}`);
    }
    if (!lines.children.length) element("li", "nobody", lines);
  }
}

function showPair(from, to) {
  element("h2", `${spaceName(from)} → ${spaceName(to)}`, panel);
  const pairs = [];
  for (const row of itemsOf[from]) {
    for (const column of itemsOf[to]) {
      const said = between(row, column);
      if (said) pairs.push([[row, column], said]);
    }
  }
  list("Connections", pairs);
}

function showEdge(edge, said) {
  panel.replaceChildren();
  element("h2", `${endName(edge.from)} ${edge.both ? "↔" : "→"} ${endName(edge.to)}`, panel);
  element("p", said, panel);
  if (edge.many > 1) element("p", `${edge.many} connections${edge.both ? " each way" : ""}`, panel);
  const ends = element("ul", "", panel);
  for (const end of new Set([edge.from, edge.to])) link(end, endName(end), element("li", "", ends));
}
