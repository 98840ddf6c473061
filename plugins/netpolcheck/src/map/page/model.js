// The data of the page, and every question that the other parts ask of them.
//
// Peers that no policy tells apart are one unit; addresses outside of the cluster are units of their own, behind
// those of the peers. For each pair of units `said` tells what holds; 0 is nothing at all.
const data = JSON.parse(document.getElementById("data").textContent);
const PEERS = data.peers.length;
const ITEMS = PEERS + data.outside.length;
const OUTSIDE = data.namespaces.length;
const SPACES = OUTSIDE + (data.outside.length > 0 ? 1 : 0);
const UNITS = data.units + data.outside.length;

const unitOf = item => (item < PEERS ? data.peers[item][3] : data.units + item - PEERS);
const spaceOf = item => (item < PEERS ? data.peers[item][0] : OUTSIDE);
const spaceName = space => (space === OUTSIDE ? "outside of the cluster" : data.namespaces[space]);
const shortName = item => (item < PEERS ? data.peers[item][2] : data.outside[item - PEERS].label);
const itemName = item => (item < PEERS ? `${data.namespaces[data.peers[item][0]]}/${data.peers[item][2]}` : shortName(item));
const kindOf = item => (item < PEERS ? data.peers[item][1] : data.outside[item - PEERS].family);
const inHostNetwork = item => item < PEERS && data.peers[item][4] === 1;
const remarksOf = item => (item < PEERS ? data.peers[item][5].map(place => data.remarks[place]) : []);

// With a star where policies speak about it that are not evaluated.
const markedName = item => itemName(item) + (remarksOf(item).length > 0 ? " *" : "");
const spaceTitle = space => spaceName(space) + (itemsOf[space].some(item => remarksOf(item).length > 0) ? " *" : "");

// `workloads`, or `workload` where there is one.
const words = (many, plural) => (many === 1 ? plural.slice(0, -1) : plural);

const itemsOf = Array.from({length: SPACES}, () => []);
for (let item = 0; item < ITEMS; item += 1) itemsOf[spaceOf(item)].push(item);

// A set of places as hexadecimal digits, four places each.
function eachPlace(set, give) {
  for (let at = 0; at < set.length; at += 1) {
    const digit = parseInt(set[at], 16);
    for (let bit = 0; bit < 4; bit += 1) if (digit & (8 >> bit)) give(at * 4 + bit);
  }
}

const rowsOf = Array.from({length: UNITS}, () => []);
for (const row of data.rows) rowsOf[row[0]].push(row);
const tables = new Array(UNITS);
function saidFrom(unit) {
  if (!tables[unit]) {
    tables[unit] = new Uint32Array(UNITS);
    for (const [, said, set] of rowsOf[unit]) eachPlace(data.sets[set], to => { tables[unit][to] = said; });
  }
  return tables[unit];
}

// Pods in the network of a node reach what runs on that node, whatever the policies say.
const near = new Map();
for (const [item, set] of data.near) {
  const reached = new Uint8Array(PEERS);
  eachPlace(set, to => { reached[to] = 1; });
  near.set(item, reached);
}
const BY_NODE = -1;

// What is looked for.
const filter = {name: "", port: null, sure: false};
let keeps = [];
let matches = new Uint8Array(ITEMS);

// `443`, `UDP 53`, `53/udp`, `tcp`: a protocol, a number, or both.
function portWanted(text) {
  const protocol = (text.match(/[a-z]+/i) || [""])[0].toUpperCase();
  const number = (text.match(/\d+/) || [""])[0];
  return protocol || number ? {protocol, number: number ? Number(number) : null} : null;
}
const meets = ports => !filter.port || data.ranges[ports].some(([protocol, first, last]) =>
  (!filter.port.protocol || protocol.startsWith(filter.port.protocol)) &&
  (filter.port.number === null || (first <= filter.port.number && filter.port.number <= last)));

function applyFilter() {
  keeps = data.said.map(parts => parts.some(part => meets(part[0]) || (!filter.sure && meets(part[1]))));
  const word = filter.name.toLowerCase();
  matches = Uint8Array.from({length: ITEMS}, (_, item) => Number(!word || itemName(item).toLowerCase().includes(word) ||
    (spaceOf(item) === OUTSIDE && spaceName(OUTSIDE).includes(word))));
  count();
}

// What holds for two items: a place in `said`, `BY_NODE`, or 0 for nothing that is looked for.
function between(from, to) {
  if (from === to || !(matches[from] || matches[to])) return 0;
  if (to < PEERS && near.has(from) && near.get(from)[to]) return BY_NODE;
  const said = saidFrom(unitOf(from))[unitOf(to)];
  return keeps[said] ? said : 0;
}

const unsure = said => said > 0 && data.said[said].every(part => part[0] === 0);
const saidText = said => (said === BY_NODE ? "all ports (same node)" : data.said[said].map(part => part[5]).join("; "));

// How many pairs of each two namespaces there are that are looked for, and which items have any.
let counts = [];
let shown = new Uint8Array(ITEMS);
let reachedFromOutside = new Uint8Array(ITEMS);
function count() {
  counts = Array.from({length: SPACES}, () => new Uint32Array(SPACES));
  const used = [new Uint8Array(UNITS), new Uint8Array(UNITS)];
  // Of each unit, how many items it has in which namespace: all of them, and those that do not match.
  const members = Array.from({length: UNITS}, () => new Map());
  for (let item = 0; item < ITEMS; item += 1) {
    const of = members[unitOf(item)];
    const entry = of.get(spaceOf(item)) || [0, 0];
    entry[0] += 1;
    entry[1] += 1 - matches[item];
    of.set(spaceOf(item), entry);
  }
  const matchedUnit = new Uint8Array(UNITS);
  for (let item = 0; item < ITEMS; item += 1) if (matches[item]) matchedUnit[unitOf(item)] = 1;
  const outsideReaches = new Uint8Array(UNITS);
  for (let from = 0; from < UNITS; from += 1) {
    const said = saidFrom(from);
    for (let to = 0; to < UNITS; to += 1) {
      if (!keeps[said[to]]) continue;
      if (from >= data.units) outsideReaches[to] = 1;
      if (matchedUnit[from]) used[1][to] = 1;
      if (matchedUnit[to]) used[0][from] = 1;
      for (const [here, [all, others]] of members[from]) {
        for (const [there, [allThere, othersThere]] of members[to]) {
          let pairs = all * allThere - others * othersThere;
          // Nobody is paired with itself.
          if (from === to && here === there) pairs -= all - others;
          counts[here][there] += pairs;
        }
      }
    }
  }
  const byNode = new Uint8Array(ITEMS);
  for (const [from, reached] of near) {
    const said = saidFrom(unitOf(from));
    for (let to = 0; to < PEERS; to += 1) {
      if (!reached[to] || from === to || !(matches[from] || matches[to])) continue;
      byNode[from] = 1;
      byNode[to] = 1;
      if (!keeps[said[unitOf(to)]]) counts[spaceOf(from)][spaceOf(to)] += 1;
    }
  }
  const looking = filter.name !== "" || filter.port !== null || filter.sure;
  for (let item = 0; item < ITEMS; item += 1) {
    const unit = unitOf(item);
    // Without a filter everybody is shown, also who talks to nobody.
    const found = filter.name !== "" && matches[item];
    shown[item] = Number(!looking || found || used[0][unit] || used[1][unit] || byNode[item]);
    reachedFromOutside[item] = outsideReaches[unit];
  }
}
const shownOf = space => itemsOf[space].filter(item => shown[item]);
