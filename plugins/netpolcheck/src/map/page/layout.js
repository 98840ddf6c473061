// Where everything stands: boxes in rows, in the order of their names, and in an open box its items in rows. The same
// data always give the same picture, and the time grows with the number of boxes alone.
const ITEM_HEIGHT = 40;
const GAP = 26;
const SPACE_GAP = 70;
const HEAD = 30;

const textWidth = text => text.length * 7.4;
const clamp = (low, value, high) => Math.max(low, Math.min(value, high));

// Gives the size of the picture, and for each end its rectangle.
function layOut(opened) {
  const places = new Map();
  const boxes = [];
  let area = 0;
  for (let space = 0; space < SPACES; space += 1) {
    const items = shownOf(space);
    if (items.length === 0) continue;
    const box = boxOf(space, items, opened[space]);
    area += (box.width + SPACE_GAP) * (box.height + SPACE_GAP);
    boxes.push(box);
  }
  const closed = boxes.filter(box => !box.open && box.space !== OUTSIDE);
  const widest = Math.max(0, ...closed.map(box => box.width));
  closed.forEach(box => { box.width = widest; });
  const wide = Math.max(700, Math.sqrt(area * 1.7), ...boxes.map(box => box.width));
  let x = 0, y = 0, tall = 0, right = 0;
  // What is outside stands above everything else.
  boxes.sort((a, b) => Number(b.space === OUTSIDE) - Number(a.space === OUTSIDE));
  for (const box of boxes) {
    if (x > 0 && (x + box.width > wide || boxes[0].space === OUTSIDE && box === boxes[1])) {
      x = 0;
      y += tall + SPACE_GAP;
      tall = 0;
    }
    places.set(spaceEnd(box.space), {x, y, width: box.width, height: box.height});
    for (const [item, place] of box.items) {
      places.set(itemEnd(item), {x: x + place.x, y: y + place.y, width: box.itemWidth, height: ITEM_HEIGHT});
    }
    right = Math.max(right, x + box.width);
    x += box.width + SPACE_GAP;
    tall = Math.max(tall, box.height);
  }
  return {width: right, height: y + tall, places, boxes};
}

function boxOf(space, items, open) {
  const headWidth = textWidth(spaceName(space)) + 60;
  if (!open) {
    const inside = counts[space][space];
    const what = space === OUTSIDE ? (items.length === 1 ? "range" : "ranges") : words(items.length, data.view);
    const about = `${items.length} ${what}${inside > 0 ? `, ${inside} within` : ""}`;
    const width = clamp(150, Math.max(headWidth, textWidth(about) * 0.85 + 24), 320);
    return {space, about, open, width, height: 54, items: []};
  }
  const itemWidth = clamp(90, Math.max(...items.map(item => textWidth(shortName(item)))) + 20, 250);
  // What is outside stands in one row as far as it can, so that no line to one of them goes through another.
  const square = Math.round(Math.sqrt(items.length * (ITEM_HEIGHT + GAP) * 1.8 / (itemWidth + GAP)));
  const columns = space === OUTSIDE ? 5 : Math.max(1, square);
  const placed = items.map((item, place) => [item, {
    x: GAP / 2 + (place % columns) * (itemWidth + GAP),
    y: HEAD + GAP / 2 + Math.floor(place / columns) * (ITEM_HEIGHT + GAP),
  }]);
  const inRow = Math.min(columns, items.length);
  const width = Math.max(inRow * (itemWidth + GAP), clamp(130, headWidth, 320));
  const height = HEAD + Math.ceil(items.length / columns) * (ITEM_HEIGHT + GAP);
  return {space, open, width, height, items: placed, itemWidth};
}
