// The page of samus serve: plain JavaScript, no build step, nothing from other servers.

const $ = (id) => document.getElementById(id);
const colours = ["#4fd1ff", "#ffb454", "#7ee787", "#ff8fa3", "#c9a6ff", "#f2e86d", "#5eead4", "#f0abfc"];
const notice = "research use only, not a medical device";

// --- State -----------------------------------------------------------------------------------

/** The open image as the server describes it, with its name and, if it was uploaded, its file. */
let image = null;
let frame = 1;
/** What a person has drawn on the frame: the objects and which one is current. */
let work = emptyWork();
let past = [];
let future = [];
/** The version of the stored annotation that this page has seen. */
let etag = null;
/** Counts saves of this frame; another tab's save has another number. */
let revision = 0;
let tool = "point";
let files = [];
let model = null;
let view = { scale: 1, x: 0, y: 0 };
let pixels = null;
let base = null;
let overlay = null;
let cross = null;
let drag = null;
let asked = 0;
let playing = null;
/** Counts images that were opened: an older answer must not replace a newer image. */
let opened = 0;
const frames = new Map();
let token = sessionStorage.getItem("samus-token");

function emptyWork() {
  return { objects: [emptyObject()], current: 0, spacing: null };
}

function emptyObject(label = "") {
  return { label, clicks: [], box: null, model: null, add: null, erase: null, facts: null };
}

const current = () => work.objects[work.current];

// --- Requests --------------------------------------------------------------------------------

async function send(path, options = {}) {
  const headers = new Headers(options.headers || {});
  if (token) headers.set("Authorization", `Bearer ${token}`);
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is samus serve still running?");
  }
  if (response.status === 401) {
    await askForToken();
    return send(path, options);
  }
  return response;
}

async function json(path, options) {
  const response = await send(path, options);
  const body = response.status === 204 ? null : await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = new Error(body?.error || `The server answered ${response.status}.`);
    error.status = response.status;
    throw error;
  }
  return body;
}

function askForToken() {
  const dialog = $("token-dialog");
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      token = $("token").value.trim();
      sessionStorage.setItem("samus-token", token);
      resolve();
    }, { once: true });
  });
}

function say(text, isWarning = false) {
  $("status").textContent = text;
  $("status").classList.toggle("warn", isWarning);
}

// --- Run lengths (COCO: column by column) ----------------------------------------------------

function encodeRuns(mask, width, height) {
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

function decodeRuns(text, width, height) {
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

/** The mask of an object: what the model found, with the brush's changes; null if there is none. */
function maskOf(object) {
  if (!object.model && !object.add) return null;
  const { width, height } = image;
  const mask = object.model ? decodeRuns(object.model, width, height) : new Uint8Array(width * height);
  for (const [runs, value] of [[object.add, 1], [object.erase, 0]]) {
    if (!runs) continue;
    decodeRuns(runs, width, height).forEach((on, index) => { if (on) mask[index] = value; });
  }
  return mask;
}

const masks = new WeakMap();
function cachedMask(object) {
  const key = `${object.model}|${object.add}|${object.erase}`;
  const known = masks.get(object);
  if (known?.key === key) return known.mask;
  const mask = maskOf(object);
  masks.set(object, { key, mask });
  return mask;
}

// --- Changes, undo and autosave --------------------------------------------------------------

const copy = (value) => JSON.parse(JSON.stringify(value));

/** Makes a change that can be undone. */
function change(body) {
  past.push(copy(work));
  if (past.length > 200) past.shift();
  future = [];
  body();
  changed();
}

function changed() {
  save();
  render();
  show();
}

function step(from, to) {
  if (!from.length) return;
  asked++;
  to.push(copy(work));
  work = from.pop();
  changed();
  say(from === past ? "Undone." : "Done again.");
}

const storageKey = () => `samus:${image.sha256}#${frame}`;

function save() {
  if (!image) return;
  const stored = read();
  if (stored && stored.revision > revision) {
    say("Another tab has changed this image. Its changes are kept: reload to see them.", true);
    return;
  }
  revision++;
  try {
    localStorage.setItem(storageKey(), JSON.stringify({ revision, etag, work, past: past.slice(-20), future: future.slice(-20) }));
  } catch {
    say("The browser's storage is full: this image is not saved automatically.", true);
  }
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(storageKey()));
  } catch {
    return null;
  }
}

window.addEventListener("storage", (event) => {
  if (image && event.key === storageKey()) {
    say("Another tab has changed this image. Reload to see its changes.", true);
  }
});

// --- Opening ---------------------------------------------------------------------------------

async function openFile(file) {
  stop();
  busy("Opening the image");
  const number = ++opened;
  try {
    const bytes = await file.arrayBuffer();
    const found = await json("v1/images", {
      method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: bytes,
    });
    if (number === opened) await open({ ...found, name: file.name, file });
    showList();
  } catch (error) {
    say(error.message, true);
  } finally {
    busy(null);
  }
}

async function openListed(entry) {
  stop();
  busy("Opening the image");
  const number = ++opened;
  try {
    const found = await json(`v1/images/${entry.id}`);
    if (number === opened) await open({ ...found, name: entry.name, listed: true });
  } catch (error) {
    say(error.message, true);
  } finally {
    busy(null);
  }
}

async function open(found) {
  image = found;
  frames.clear();
  sessionStorage.setItem("samus-last", found.listed ? found.id : "");
  $("empty").hidden = true;
  $("cine").hidden = image.frames < 2;
  $("frame").max = image.frames;
  view.scale = 0;
  await showFrame(1);
}

async function showFrame(number) {
  frame = number;
  asked++;
  $("frame").value = number;
  $("frame-text").textContent = `${number} of ${image.frames}`;
  [past, future, etag, revision] = [[], [], null, 0];
  work = emptyWork();
  const stored = read();
  if (stored?.work) ({ work, etag, revision } = stored);
  if (stored?.work) [past, future] = [stored.past || [], stored.future || []];
  $("reload-stored").hidden = true;
  await loadPixels(number);
  if (!view.scale) fit();
  changedView();
  if (!stored?.work) await loadStored(false);
  show();
  if (!playing) encode();
}

async function loadPixels(number) {
  let bitmap = frames.get(number);
  if (!bitmap) {
    const response = await send(`v1/images/${image.id}/frames/${number}`);
    if (!response.ok) throw new Error((await response.json()).error);
    bitmap = await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
    frames.set(number, bitmap);
    if (frames.size > 120) frames.delete(frames.keys().next().value);
  }
  if (frame !== number) return;
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  pixels = context.getImageData(0, 0, image.width, image.height);
  base = canvas;
  overlay = new OffscreenCanvas(image.width, image.height);
  applyWindow();
}

/** Encodes the frame in advance, so that the first click is answered at once. */
async function encode() {
  const [id, number] = [image.id, frame];
  busy("Encoding the image");
  try {
    await json(`v1/images/${id}/encode?frame=${number}`, { method: "POST" });
    if (image.id !== id || frame !== number) return;
    const hasMask = work.objects.some((object) => cachedMask(object));
    say(hasMask ? "Ready. The earlier work on this image is loaded." : "Ready: click on an object, or drag a box around it.");
  } catch (error) {
    if (error.status !== 404 || !image.file) say(error.message, true);
  } finally {
    busy(null);
  }
}

function busy(text) {
  $("busy").hidden = !text;
  if (text) $("busy").textContent = text;
}

async function loadStored(replaces) {
  const response = await send(`v1/images/${image.id}/annotation?frame=${frame}`);
  if (response.status === 404 && replaces) {
    etag = null;
    $("reload-stored").hidden = true;
    say("Nothing is stored for this image any more: accept again.");
  }
  if (!response.ok) return;
  const record = await response.json();
  etag = response.headers.get("ETag");
  const objects = record.objects.map((object) => ({
    ...emptyObject(object.label), clicks: object.clicks || [], box: object.box || null,
    model: object.mask.counts,
    facts: { iou_estimate: object.iou_estimate, presence: object.presence, notes: [] },
  }));
  if (replaces) past.push(copy(work));
  work = { ...emptyWork(), spacing: work.spacing, ...(objects.length && { objects }) };
  $("reload-stored").hidden = true;
  changed();
  say("The accepted masks of this image are loaded.");
}

// --- Asking the model ------------------------------------------------------------------------

async function ask() {
  const object = current();
  const number = ++asked;
  if (!object.clicks.some((click) => click.foreground) && !object.box) {
    object.model = null;
    object.facts = null;
    changed();
    if (object.clicks.length) say("Background points need a foreground point or a box.", true);
    return;
  }
  const body = JSON.stringify({ clicks: object.clicks, ...(object.box && { box: object.box }), ...(work.spacing && { spacing: [work.spacing] }), frame, mask: "rle" });
  const post = () => json(`v1/images/${image.id}/segment`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  try {
    let answer;
    try {
      answer = await post();
    } catch (error) {
      // The server was restarted, or has removed the image: upload it again.
      if (error.status !== 404 || !image.file) throw error;
      await json("v1/images", { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: await image.file.arrayBuffer() });
      answer = await post();
    }
    // A later click or undo has made this answer old.
    if (number !== asked) return;
    const mask = answer.masks[0];
    object.model = mask.found ? mask.rle.counts : null;
    object.facts = { ...mask, rle: undefined, contours: undefined, notes: answer.notes };
    changed();
    const presence = mask.presence === undefined ? "" : ` (presence ${mask.presence.toFixed(2)})`;
    if (!mask.found) say(`Nothing found here${presence}.`, true);
    else if (mask.low_confidence) say(`Low confidence: IoU estimate ${mask.iou_estimate.toFixed(2)}. Check the outline.`, true);
    else say(`Mask of ${mask.pixel_area} pixels, IoU estimate ${mask.iou_estimate.toFixed(2)}.`);
  } catch (error) {
    if (number === asked) say(error.message, true);
  }
}

function click(point, foreground) {
  if (!isInside(point)) return;
  change(() => current().clicks.push({ ...point, foreground }));
  ask();
}

const isInside = ({ x, y }) => image && x >= -0.5 && y >= -0.5 && x < image.width - 0.5 && y < image.height - 0.5;

// --- Drawing ---------------------------------------------------------------------------------

const canvas = $("canvas");
const context = canvas.getContext("2d");

function applyWindow() {
  if (!pixels) return;
  const [width, level] = [Number($("window").value), Number($("level").value)];
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value++) table[value] = ((value - level) / width + 0.5) * 255;
  const shown = new ImageData(new Uint8ClampedArray(pixels.data), pixels.width, pixels.height);
  if (width !== 255 || level !== 128) {
    for (let i = 0; i < shown.data.length; i += 4) {
      for (let c = 0; c < 3; c++) shown.data[i + c] = table[shown.data[i + c]];
    }
  }
  base.getContext("2d").putImageData(shown, 0, 0);
}

function render() {
  if (!image || !overlay) return;
  const { width, height } = image;
  const data = new ImageData(width, height);
  const alpha = Math.round(Number($("opacity").value) * 2.55);
  const contourOnly = $("contour").checked;
  work.objects.forEach((object, number) => {
    const mask = cachedMask(object);
    if (!mask) return;
    const colour = colours[number % colours.length];
    const [r, g, b] = [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
    for (let y = 0, index = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        if (!mask[index]) continue;
        const edge = x === 0 || y === 0 || x === width - 1 || y === height - 1
          || !mask[index - 1] || !mask[index + 1] || !mask[index - width] || !mask[index + width];
        if (contourOnly && !edge) continue;
        data.data.set([r, g, b, edge ? 255 : alpha], 4 * index);
      }
    }
  });
  overlay.getContext("2d").putImageData(data, 0, 0);
  draw();
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  if (!image || !base) return;
  context.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
  context.imageSmoothingEnabled = view.scale < 1;
  context.drawImage(base, 0, 0);
  context.drawImage(overlay, 0, 0);
  if (view.scale >= 12) drawGrid();
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const object = current();
  const colour = colours[work.current % colours.length];
  const rectangle = drag?.box || object.box;
  if (rectangle) {
    const [x0, y0] = toScreen(rectangle[0], rectangle[1]);
    const [x1, y1] = toScreen(rectangle[2], rectangle[3]);
    context.lineWidth = 3;
    context.strokeStyle = "#000";
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    context.lineWidth = 1.5;
    context.strokeStyle = colour;
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  for (const point of object.clicks) drawPoint(point);
  if (cross && document.activeElement === canvas) drawCross();
}

function drawPoint({ x, y, foreground }) {
  const [cx, cy] = toScreen(x, y);
  context.beginPath();
  context.arc(cx, cy, 6, 0, 2 * Math.PI);
  context.fillStyle = foreground ? "#0a7d2c" : "#b3001e";
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = "#fff";
  context.stroke();
  // Not by colour alone: plus and minus.
  context.beginPath();
  context.moveTo(cx - 3, cy);
  context.lineTo(cx + 3, cy);
  if (foreground) {
    context.moveTo(cx, cy - 3);
    context.lineTo(cx, cy + 3);
  }
  context.stroke();
}

function drawGrid() {
  context.lineWidth = 0.5 / view.scale;
  context.strokeStyle = "#8888";
  context.beginPath();
  for (let x = 0; x <= image.width; x++) { context.moveTo(x, 0); context.lineTo(x, image.height); }
  for (let y = 0; y <= image.height; y++) { context.moveTo(0, y); context.lineTo(image.width, y); }
  context.stroke();
}

function drawCross() {
  const [x, y] = toScreen(cross.x, cross.y);
  for (const [width, style] of [[3, "#000"], [1, "#fff"]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.moveTo(x - 12, y);
    context.lineTo(x + 12, y);
    context.moveTo(x, y - 12);
    context.lineTo(x, y + 12);
    context.stroke();
  }
}

/** From pixels of the image, whose centres are whole numbers, to the canvas, and back. */
const toScreen = (x, y) => [view.x + (x + 0.5) * view.scale, view.y + (y + 0.5) * view.scale];
function toImage(event) {
  const box = canvas.getBoundingClientRect();
  const round = (value) => Math.round(value * 100) / 100;
  return {
    x: round((event.clientX - box.left - view.x) / view.scale - 0.5),
    y: round((event.clientY - box.top - view.y) / view.scale - 0.5),
  };
}

function fit() {
  if (!image) return;
  const box = canvas.getBoundingClientRect();
  view.scale = Math.min(box.width / image.width, box.height / image.height) || 1;
  view.x = (box.width - image.width * view.scale) / 2;
  view.y = (box.height - image.height * view.scale) / 2;
  draw();
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  if (!image) return;
  const scale = Math.min(Math.max(view.scale * factor, 0.05), 64);
  view.x = x - ((x - view.x) / view.scale) * scale;
  view.y = y - ((y - view.y) / view.scale) * scale;
  view.scale = scale;
  draw();
}

function changedView() {
  applyWindow();
  render();
}

// --- Side panel ------------------------------------------------------------------------------

function show() {
  const object = current();
  const hasImage = image !== null;
  const hasMask = hasImage && work.objects.some((each) => cachedMask(each));
  $("undo").disabled = !past.length;
  $("redo").disabled = !future.length;
  $("clear").disabled = !hasImage;
  $("next-object").disabled = !hasImage || !cachedMask(object);
  $("label").disabled = $("spacing").disabled = !hasImage;
  if (document.activeElement !== $("spacing")) $("spacing").value = work.spacing ?? "";
  $("accept").disabled = !hasMask || !canAccept;
  $("export-png").disabled = $("export-coco").disabled = !hasMask;
  if (document.activeElement !== $("label")) $("label").value = object.label;
  $("objects").replaceChildren(...work.objects.map((each, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-current", String(number === work.current));
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = colours[number % colours.length];
    button.append(swatch, each.label || `object ${number + 1}`);
    button.addEventListener("click", () => {
      work.current = number;
      changed();
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  showFacts(object);
  const labels = new Set(work.objects.map((each) => each.label).filter(Boolean));
  JSON.parse(localStorage.getItem("samus-labels") || "[]").forEach((label) => labels.add(label));
  $("labels").replaceChildren(...[...labels].map((label) => new Option(label)));
}

function showFacts(object) {
  const facts = object.facts;
  const mask = image ? cachedMask(object) : null;
  const rows = [];
  if (facts?.found === false) rows.push(["Result", "nothing found", true]);
  if (mask) {
    const area = mask.reduce((sum, on) => sum + on, 0);
    rows.push(["Area", `${area} pixels`]);
    if (facts?.spacing_mm) {
      const [x, y] = facts.spacing_mm;
      rows.push(["", `${(area * x * y).toFixed(1)} mm²`]);
      const isEdited = object.add || object.erase;
      if (facts.lengths && !isEdited) {
        rows.push(["Long axis", `${facts.lengths.long_axis_mm.toFixed(1)} mm`]);
        rows.push(["Short axis", `${facts.lengths.short_axis_mm.toFixed(1)} mm`]);
      }
      rows.push(["Size of a pixel", `${x.toFixed(4)} × ${y.toFixed(4)} mm (${facts.spacing_source})`]);
    } else if (facts?.no_mm_reason) {
      rows.push(["No mm", facts.no_mm_reason]);
    }
    if (object.add || object.erase) rows.push(["Brush", "changed by hand"]);
  }
  if (facts?.iou_estimate !== undefined && facts.iou_estimate !== null) {
    rows.push(["IoU estimate", `${facts.iou_estimate.toFixed(2)}${facts.low_confidence ? ", low" : ""}`, facts.low_confidence]);
  }
  if (facts?.presence !== undefined && facts.presence !== null) rows.push(["Presence", facts.presence.toFixed(2)]);
  $("facts").replaceChildren(...rows.flatMap(([name, value, isWarning]) => {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    text.textContent = value;
    text.classList.toggle("warn", Boolean(isWarning));
    return [term, text];
  }));
  $("notes").replaceChildren(...(facts?.notes || []).map((note) => {
    const item = document.createElement("li");
    item.textContent = note;
    return item;
  }));
}

// --- Accept and export -----------------------------------------------------------------------

let canAccept = false;

async function accept() {
  const objects = work.objects.map((object) => ({ object, mask: cachedMask(object) })).filter(({ mask }) => mask?.some(Boolean))
    .map(({ object, mask }, number) => ({
      label: object.label.trim() || `object ${number + 1}`,
      mask: { size: [image.height, image.width], counts: encodeRuns(mask, image.width, image.height) },
      clicks: object.clicks, ...(object.box && { box: object.box }),
      ...(object.facts?.iou_estimate !== undefined && { iou_estimate: object.facts.iou_estimate }),
      ...(object.facts?.presence !== undefined && { presence: object.facts.presence }),
      edited: Boolean(object.add || object.erase),
    }));
  if (!objects.length) return;
  const labels = new Set(JSON.parse(localStorage.getItem("samus-labels") || "[]"));
  objects.forEach((object) => labels.add(object.label));
  localStorage.setItem("samus-labels", JSON.stringify([...labels].slice(-100)));
  try {
    const response = await send(`v1/images/${image.id}/annotation?frame=${frame}`, {
      method: "PUT", headers: { "Content-Type": "application/json", ...(etag && { "If-Match": etag }) },
      body: JSON.stringify({ objects }),
    });
    const body = await response.json();
    if (response.status === 409) {
      $("reload-stored").hidden = false;
      say(`Not stored: ${body.error}`, true);
      return;
    }
    if (!response.ok) throw new Error(body.error);
    etag = response.headers.get("ETag");
    save();
    say(`Accepted into the dataset ${body.dataset} as ${body.name}.`);
    await loadList();
  } catch (error) {
    say(error.message, true);
  }
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const stem = () => {
  const name = image.name.split("/").pop().replace(/\.(png|jpe?g|dcm|nii(\.gz)?)$/i, "");
  return image.frames > 1 ? `${name}.frame${String(frame).padStart(4, "0")}` : name;
};

async function exportPNG() {
  const found = work.objects.filter((object) => cachedMask(object));
  for (const object of found) {
    const target = new OffscreenCanvas(image.width, image.height);
    const data = new ImageData(image.width, image.height);
    cachedMask(object).forEach((on, index) => data.data.set([on * 255, on * 255, on * 255, 255], 4 * index));
    target.getContext("2d").putImageData(data, 0, 0);
    const suffix = found.length > 1 ? `.object${work.objects.indexOf(object) + 1}` : "";
    download(await target.convertToBlob({ type: "image/png" }), `${stem()}${suffix}.mask.png`);
  }
}

function exportCOCO() {
  const names = [];
  const annotations = [];
  work.objects.forEach((object, number) => {
    const mask = cachedMask(object);
    if (!mask) return;
    const label = object.label.trim() || `object ${number + 1}`;
    if (!names.includes(label)) names.push(label);
    let [x0, y0, x1, y1, area] = [image.width, image.height, 0, 0, 0];
    mask.forEach((on, index) => {
      if (!on) return;
      const [x, y] = [index % image.width, Math.floor(index / image.width)];
      [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + 1), Math.max(y1, y + 1)];
      area++;
    });
    annotations.push({
      id: annotations.length + 1, image_id: 1, category_id: names.indexOf(label) + 1, iscrowd: 0, area,
      bbox: [x0, y0, x1 - x0, y1 - y0],
      segmentation: { size: [image.height, image.width], counts: encodeRuns(mask, image.width, image.height) },
    });
  });
  const content = {
    info: { description: `masks of samus serve, ${notice}`, model: model?.model, version: model?.version },
    images: [{ id: 1, file_name: image.name.split("/").pop(), width: image.width, height: image.height, frame }],
    categories: names.map((name, index) => ({ id: index + 1, name })),
    annotations,
  };
  download(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }), `${stem()}.coco.json`);
}

// --- Work list -------------------------------------------------------------------------------

async function loadList() {
  try {
    const body = await json("v1/images?limit=10000");
    files = body.images;
    canAccept = body.can_accept;
    $("worklist").hidden = !files.length;
    showList();
    show();
  } catch (error) {
    say(error.message, true);
  }
}

function showList() {
  const words = $("filter").value.toLowerCase();
  const shown = files.filter((file) => file.name.toLowerCase().includes(words)).slice(0, 500);
  const done = files.filter((file) => file.accepted).length;
  $("progress-text").textContent = `${done} of ${files.length} accepted`;
  $("progress").max = files.length || 1;
  $("progress").value = done;
  $("list").replaceChildren(...shown.map((file) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = (file.accepted ? "✓ " : "") + file.name;
    if (file.accepted) button.setAttribute("aria-label", `${file.name}, accepted`);
    button.setAttribute("aria-current", String(image?.id === file.id));
    button.addEventListener("click", () => openListed(file).then(showList));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

function neighbour(offset) {
  const index = files.findIndex((file) => file.id === image?.id) + offset;
  if (files[index]) openListed(files[index]).then(showList);
}

// --- Mouse, keys and controls ----------------------------------------------------------------

function setTool(name) {
  tool = name;
  document.querySelectorAll("[data-tool]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  });
}

function paint(point) {
  const { width, height } = image;
  const radius = Number($("brush").value);
  const from = drag.last || point;
  const steps = Math.max(1, Math.ceil(Math.hypot(point.x - from.x, point.y - from.y) / Math.max(radius / 2, 1)));
  for (let step = 1; step <= steps; step++) {
    const cx = from.x + ((point.x - from.x) * step) / steps;
    const cy = from.y + ((point.y - from.y) * step) / steps;
    for (let y = Math.max(0, Math.ceil(cy - radius)); y <= Math.min(height - 1, cy + radius); y++) {
      for (let x = Math.max(0, Math.ceil(cx - radius)); x <= Math.min(width - 1, cx + radius); x++) {
        if ((x - cx) ** 2 + (y - cy) ** 2 > radius ** 2) continue;
        drag[tool][y * width + x] = 1;
        drag[tool === "add" ? "erase" : "add"][y * width + x] = 0;
      }
    }
  }
  drag.last = point;
  const object = current();
  object.add = encodeRuns(drag.add, width, height);
  object.erase = encodeRuns(drag.erase, width, height);
  render();
}

canvas.addEventListener("contextmenu", (event) => event.preventDefault());
canvas.addEventListener("pointerdown", (event) => {
  if (!image) return;
  canvas.focus({ preventScroll: true });
  canvas.setPointerCapture(event.pointerId);
  const point = toImage(event);
  if (event.button === 1 || event.shiftKey) {
    drag = { pan: { x: event.clientX - view.x, y: event.clientY - view.y } };
  } else if (event.button === 2 || event.altKey) {
    click(point, false);
  } else if (tool === "point") {
    click(point, true);
  } else if (tool === "box") {
    drag = { start: point, box: null };
  } else {
    const { width, height } = image;
    const bitmap = (runs) => (runs ? decodeRuns(runs, width, height) : new Uint8Array(width * height));
    past.push(copy(work));
    future = [];
    drag = { add: bitmap(current().add), erase: bitmap(current().erase) };
    paint(point);
  }
  event.preventDefault();
});
canvas.addEventListener("pointermove", (event) => {
  if (!image) return;
  const point = toImage(event);
  $("position").textContent = isInside(point) ? `${Math.round(point.x)}, ${Math.round(point.y)}` : "";
  if (!drag) return;
  if (drag.pan) {
    [view.x, view.y] = [event.clientX - drag.pan.x, event.clientY - drag.pan.y];
    draw();
  } else if (drag.start) {
    drag.box = [
      Math.max(0, Math.min(drag.start.x, point.x)), Math.max(0, Math.min(drag.start.y, point.y)),
      Math.min(image.width, Math.max(drag.start.x, point.x)), Math.min(image.height, Math.max(drag.start.y, point.y)),
    ];
    draw();
  } else {
    paint(point);
  }
});
canvas.addEventListener("pointerup", () => {
  const ended = drag;
  drag = null;
  if (!ended) return;
  if (ended.box && ended.box[2] - ended.box[0] > 1 && ended.box[3] - ended.box[1] > 1) {
    change(() => { current().box = ended.box; });
    ask();
  } else if (ended.add) {
    changed();
    say("The mask was changed by hand.");
  } else if (ended.start) {
    draw();
    say("Drag to draw a box.", true);
  }
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });

canvas.addEventListener("keydown", (event) => {
  if (!image) return;
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  cross ||= { x: Math.floor(image.width / 2), y: Math.floor(image.height / 2) };
  if (moves[event.key]) {
    const size = event.shiftKey ? 10 : 2;
    cross.x = Math.min(Math.max(cross.x + moves[event.key][0] * size, 0), image.width - 1);
    cross.y = Math.min(Math.max(cross.y + moves[event.key][1] * size, 0), image.height - 1);
    draw();
    say(`Cross at ${cross.x}, ${cross.y}.`);
  } else if (event.key === " ") {
    click({ ...cross }, true);
  } else if (event.key === "x" || event.key === "X") {
    click({ ...cross }, false);
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
});
canvas.addEventListener("focus", draw);
canvas.addEventListener("blur", draw);

const actions = {
  undo: () => step(past, future),
  redo: () => step(future, past),
  clear: () => image && change(() => { work.objects[work.current] = emptyObject(current().label); asked++; }),
  next: () => {
    if (!image || !cachedMask(current())) return;
    change(() => { work.objects.push(emptyObject(current().label)); work.current = work.objects.length - 1; });
    say("Next object: click on it.");
  },
  contour: () => { $("contour").checked = !$("contour").checked; render(); },
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=range]):not([type=checkbox]), dialog *");
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z") {
    if (isTyping) return;
    actions[event.shiftKey ? "redo" : "undo"]();
  } else if ((event.ctrlKey || event.metaKey) && key === "y") {
    actions.redo();
  } else if (isTyping || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (event.key === "Enter" && event.target.matches("button, label, summary, a, input")) {
    return;
  } else {
    const keys = {
      p: () => setTool("point"), b: () => setTool("box"), a: () => setTool("add"), e: () => setTool("erase"),
      z: actions.undo, y: actions.redo, n: actions.next, delete: actions.clear, o: actions.contour,
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit,
      ",": () => goToFrame(frame - 1), ".": () => goToFrame(frame + 1),
      "[": () => neighbour(-1), "]": () => neighbour(1),
      enter: () => !$("accept").disabled && accept(), "?": () => $("help").showModal(),
    };
    if (!keys[key]) return;
    keys[key]();
  }
  event.preventDefault();
});

function goToFrame(number) {
  if (!image || number < 1 || number > image.frames || number === frame) return Promise.resolve();
  return showFrame(number).catch((error) => say(error.message, true));
}

function stop() {
  if (playing) clearTimeout(playing);
  playing = null;
  $("play").textContent = "Play";
}

async function play() {
  const start = performance.now();
  await goToFrame(frame === image.frames ? 1 : frame + 1);
  if (!playing) return;
  const pause = Math.max(0, (image.frame_time_ms || 50) - (performance.now() - start));
  playing = setTimeout(play, pause);
}

$("play").addEventListener("click", () => {
  if (playing) {
    stop();
    encode();
    return;
  }
  playing = setTimeout(play, 0);
  $("play").textContent = "Pause";
});
$("frame").addEventListener("input", (event) => { stop(); goToFrame(Number(event.target.value)); });
$("open").addEventListener("change", (event) => {
  if (event.target.files[0]) openFile(event.target.files[0]);
  event.target.value = "";
});
const stage = $("stage");
stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("dropping"); });
stage.addEventListener("dragleave", () => stage.classList.remove("dropping"));
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("dropping");
  if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
});
document.querySelectorAll("[data-tool]").forEach((button) => button.addEventListener("click", () => setTool(button.dataset.tool)));
$("undo").addEventListener("click", actions.undo);
$("redo").addEventListener("click", actions.redo);
$("clear").addEventListener("click", actions.clear);
$("next-object").addEventListener("click", actions.next);
$("zoom-in").addEventListener("click", () => zoom(1.25));
$("zoom-out").addEventListener("click", () => zoom(0.8));
$("fit").addEventListener("click", fit);
$("contour").addEventListener("change", render);
$("opacity").addEventListener("input", render);
for (const id of ["window", "level"]) $(id).addEventListener("input", changedView);
$("label").addEventListener("change", (event) => change(() => { current().label = event.target.value.trim(); }));
$("spacing").addEventListener("change", (event) => {
  const value = Number(event.target.value);
  change(() => { work.spacing = value > 0 ? value : null; });
  if (cachedMask(current())) ask();
});
$("accept").addEventListener("click", accept);
$("reload-stored").addEventListener("click", () => loadStored(true));
$("export-png").addEventListener("click", exportPNG);
$("export-coco").addEventListener("click", exportCOCO);
$("filter").addEventListener("input", showList);
$("previous-image").addEventListener("click", () => neighbour(-1));
$("next-image").addEventListener("click", () => neighbour(1));
$("help-button").addEventListener("click", () => $("help").showModal());
$("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "light" ? "dark" : "light";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("samus-theme", theme);
});
document.documentElement.dataset.theme = localStorage.getItem("samus-theme")
  || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
new ResizeObserver(() => draw()).observe(canvas);

// --- Start -----------------------------------------------------------------------------------

try {
  model = await json("health");
  $("model").textContent = `${model.model}, samus ${model.version}`;
  await loadList();
  const last = files.find((file) => file.id === sessionStorage.getItem("samus-last"));
  if (last) await openListed(last).then(showList);
} catch (error) {
  say(error.message, true);
}
document.documentElement.dataset.ready = "true";
