// Which lines are drawn. Where all of a namespace have the same in common, one line to its box says it.
//
// An end is `item N`, or `space N` for a box; `many` counts the pairs that a line stands for.
const itemEnd = item => `item ${item}`;
const spaceEnd = space => `space ${space}`;

function edgesBetween(from, to, opened) {
  const edges = [];
  const rows = shownOf(from);
  const columns = shownOf(to);
  const add = (a, b, said, many) => edges.push({from: a, to: b, said, many});
  if (!opened[from] && !opened[to]) {
    if (counts[from][to] > 0) add(spaceEnd(from), spaceEnd(to), common(rows, columns), counts[from][to]);
    return edges;
  }
  const all = common(rows, columns);
  if (all !== 0 && all !== null && rows.length * columns.length > 1) {
    add(spaceEnd(from), spaceEnd(to), all, counts[from][to]);
    return edges;
  }
  if (!opened[from]) {
    for (const column of columns) {
      const many = rows.reduce((sum, row) => sum + Number(between(row, column) !== 0), 0);
      if (many) add(spaceEnd(from), itemEnd(column), common(rows, [column]), many);
    }
    return edges;
  }
  if (!opened[to]) {
    for (const row of rows) {
      const many = columns.reduce((sum, column) => sum + Number(between(row, column) !== 0), 0);
      if (many) add(itemEnd(row), spaceEnd(to), common([row], columns), many);
    }
    return edges;
  }
  const left = [];
  for (const row of rows) {
    const same = columns.length > 2 ? common([row], columns) : null;
    if (same) add(itemEnd(row), spaceEnd(to), same, columns.length - Number(from === to));
    else left.push(row);
  }
  for (const column of columns) {
    const same = rows.length > 2 && left.length === rows.length ? common(rows, [column]) : null;
    if (same) {
      add(spaceEnd(from), itemEnd(column), same, rows.length - Number(from === to));
      continue;
    }
    for (const row of left) {
      const said = between(row, column);
      if (said) add(itemEnd(row), itemEnd(column), said, 1);
    }
  }
  return edges;
}

// What all pairs have in common; `null` where they differ, 0 where there is nothing.
function common(rows, columns) {
  let same;
  for (const row of rows) {
    for (const column of columns) {
      if (row === column) continue;
      const said = between(row, column);
      if (same === undefined) same = said;
      else if (same !== said) return null;
    }
  }
  return same === undefined ? 0 : same;
}

function allEdges(opened, most) {
  let edges = [];
  for (let from = 0; from < SPACES; from += 1) {
    for (let to = 0; to < SPACES; to += 1) {
      if (counts[from][to] > 0) edges = edges.concat(edgesBetween(from, to, opened));
      if (edges.length > most) return null;
    }
  }
  return joined(edges);
}

// Of a box: a line for each other box, and its own lines as long as they can be read.
function edgesOfSpace(space, opened) {
  const MOST_INSIDE = 60;
  let edges = [];
  const closed = opened.slice();
  closed[space] = 0;
  for (let other = 0; other < SPACES; other += 1) {
    if (other === space) continue;
    closed[other] = 0;
    if (counts[space][other] > 0) edges = edges.concat(edgesBetween(space, other, closed));
    if (counts[other][space] > 0) edges = edges.concat(edgesBetween(other, space, closed));
  }
  const inside = counts[space][space] > 0 ? edgesBetween(space, space, opened) : [];
  return joined(inside.length > MOST_INSIDE ? edges : edges.concat(inside));
}

function edgesOfItem(item, opened) {
  const edges = [];
  for (let space = 0; space < SPACES; space += 1) {
    const others = shownOf(space).filter(other => other !== item);
    for (const outward of [true, false]) {
      const add = (end, said, many) => {
        const [from, to] = outward ? [itemEnd(item), end] : [end, itemEnd(item)];
        edges.push({from, to, said, many});
      };
      const same = outward ? common([item], others) : common(others, [item]);
      const saids = others.map(other => (outward ? between(item, other) : between(other, item)));
      const many = saids.filter(said => said !== 0).length;
      if (many === 0) continue;
      if (!opened[space] || (same && others.length > 2)) add(spaceEnd(space), same, many);
      else saids.forEach((said, place) => { if (said) add(itemEnd(others[place]), said, 1); });
    }
  }
  return joined(edges);
}

// Two lines that say the same in both directions are one with two heads.
function joined(edges) {
  const known = new Map();
  const left = [];
  for (const edge of edges) {
    const back = known.get(`${edge.to} ${edge.from}`);
    if (back && back.said === edge.said && edge.said !== null && edge.from !== edge.to) {
      back.both = true;
    } else {
      known.set(`${edge.from} ${edge.to}`, edge);
      left.push(edge);
    }
  }
  return left;
}
