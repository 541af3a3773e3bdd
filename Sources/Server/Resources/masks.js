// Masks as COCO's compressed run lengths: column by column, the differences of counts in groups of 5 bits.

export function encodeRuns(mask, width, height) {
  const counts = [];
  let value = 0;
  let count = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (mask[y * width + x] !== value) {
        counts.push(count);
        count = 0;
        value ^= 1;
      }
      count++;
    }
  }
  counts.push(count);
  let text = "";
  counts.forEach((number, index) => {
    let rest = index > 2 ? number - counts[index - 2] : number;
    let more = true;
    while (more) {
      let group = rest & 31;
      rest >>= 5;
      more = rest !== (group & 16 ? -1 : 0);
      if (more) group |= 32;
      text += String.fromCharCode(group + 48);
    }
  });
  return text;
}

export function decodeRuns(text, width, height) {
  const counts = [];
  let place = 0;
  while (place < text.length) {
    let number = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const group = text.charCodeAt(place++) - 48;
      number |= (group & 31) << shift;
      more = (group & 32) !== 0;
      shift += 5;
      if (!more && group & 16) number |= -1 << shift;
    }
    counts.push(counts.length > 2 ? number + counts[counts.length - 2] : number);
  }
  const mask = new Uint8Array(width * height);
  let index = 0;
  counts.forEach((count, run) => {
    for (let i = 0; i < count; i++, index++) {
      if (run % 2) mask[(index % height) * width + Math.floor(index / height)] = 1;
    }
  });
  return mask;
}

const known = new WeakMap();

/** The mask of an object: what the model found, with the brush's changes; null if there is none. */
export function maskOf(object, { width, height }) {
  const key = `${object.model}|${object.add}|${object.erase}`;
  const former = known.get(object);
  if (former?.key === key) return former.mask;
  let mask = null;
  if (object.model || object.add) {
    mask = object.model ? decodeRuns(object.model, width, height) : new Uint8Array(width * height);
    for (const [runs, value] of [[object.add, 1], [object.erase, 0]]) {
      if (!runs) continue;
      decodeRuns(runs, width, height).forEach((on, index) => { if (on) mask[index] = value; });
    }
  }
  known.set(object, { key, mask });
  return mask;
}

export const hasMask = (object) => Boolean(object.model || object.add);
