// The page of samus serve: plain JavaScript, no build step, nothing from other servers.

import * as cine from "./cine.js";
import { Draft, emptyObject } from "./draft.js";
import { decodeRuns, encodeRuns, hasMask, maskOf } from "./masks.js";
import * as results from "./results.js";
import { busy, json, post, say, send, server, upload } from "./server.js";
import { applyWindow, canvas, colours, draw, fit, isInside, render, shown, showPixels, toImage, view, zoom } from "./view.js";
import * as training from "./training.js";
import * as worklist from "./worklist.js";

const $ = (id) => document.getElementById(id);
let draft = null;
let frame = 1;
let tool = "point";
let drag = null;
/** Counts questions to the model, and images that were opened: an older answer must not replace a newer one. */
let asked = 0;
let opened = 0;

const work = () => draft.work(frame);
const current = () => work().objects[work().current];

worklist.connect({ openEntry: openListed, current: () => draft && { draft, object: current() } });
cine.connect({
  draft: () => draft, frame: () => frame, goTo: goToFrame,
  changed: (number) => { if (number === frame) refresh(); else cine.showMarks(); },
});
results.connect({ draft: () => draft, frame: () => frame });
training.connect({ modelChanged: async () => { await loadHealth(); if (draft) encode(); } });

function change(body) {
  draft.change(frame, body);
}

/** Shows the present state of the work everywhere. */
function refresh() {
  shown.work = work();
  render();
  show();
  if (draft.has(frame)) worklist.begun(draft.image.id);
}

async function step(name) {
  if (!draft) return;
  asked++;
  const number = draft[name]();
  if (number === null) return;
  if (number !== frame) await goToFrame(number);
  else refresh();
  say(name === "undo" ? "Undone." : "Done again.");
}

// --- Opening ---------------------------------------------------------------------------------

async function opening(body) {
  const number = ++opened;
  busy("Opening the image");
  try {
    await draft?.finish();
    const image = await body();
    if (number === opened) await open(image);
  } catch (error) {
    say(error.message, true);
  } finally {
    if (number === opened) busy(null);
  }
  worklist.show();
}

const openFile = (file, note = "") => opening(async () => ({ ...await json("v1/images", upload(file)), name: file.name, file, note }));

function openListed(entry) {
  return opening(async () => ({ ...await json(`v1/images/${entry.id}`), name: entry.name, listed: true }));
}

async function open(image) {
  cine.reset(image);
  sessionStorage.setItem("samus-last", image.listed ? image.id : "");
  document.title = `${image.name} \u2013 SAMUS`;
  $("empty").hidden = true;
  $("reload-stored").hidden = $("conflict").hidden = true;
  const next = new Draft(image, {
    changed: (number) => { if (next === draft && number === frame) refresh(); },
    conflict: () => { if (next === draft) $("conflict").hidden = false; },
  });
  await next.load();
  draft = next;
  shown.image = image;
  shown.box = null;
  view.scale = 0;
  await showFrame(1);
}

async function showFrame(number) {
  const of = draft;
  frame = number;
  asked++;
  $("frame").value = number;
  $("frame-text").textContent = `${number} of ${of.image.frames}`;
  const bitmap = await cine.bitmap(of.image, number);
  if (draft !== of || frame !== number) return;
  shown.work = work();
  showPixels(bitmap);
  if (!view.scale) fit();
  if (!cine.isPlaying() && !of.has(number) && of.accepted[number] === undefined) await loadAccepted(false);
  refresh();
  if (!cine.isPlaying() && !cine.isTracking()) encode();
}

function goToFrame(number) {
  if (!draft || number < 1 || number > draft.image.frames) return Promise.resolve();
  return showFrame(number).catch((error) => {
    cine.stop();
    say(error.message, true);
  });
}

/** Encodes the frame in advance, so that the first click is answered at once. */
async function encode() {
  const [of, number] = [draft, frame];
  busy("Encoding the image");
  try {
    await json(`v1/images/${of.image.id}/encode?frame=${number}`, { method: "POST" });
    if (draft !== of || frame !== number || of.isConflicting) return;
    const ready = work().objects.some(hasMask) ? "Ready. The earlier work on this image is loaded." : "Ready: click on an object, or drag a box around it.";
    say(ready + (of.image.note || ""));
  } catch (error) {
    if (error.status !== 404 || !of.image.file) say(error.message, true);
  } finally {
    if (draft === of && frame === number) busy(null);
  }
}

/** Shows the accepted masks of the frame; `replaces` what is drawn, which undo brings back. */
async function loadAccepted(replaces) {
  const [of, number] = [draft, frame];
  const accepted = await of.loadAccepted(number);
  if (of !== draft || number !== frame) return;
  $("reload-stored").hidden = true;
  if (!accepted) {
    if (replaces) say("Nothing is stored for this image any more: accept again.");
    return;
  }
  if (replaces) of.begin(number);
  of.frames[number] = accepted;
  of.end(number);
  say("The accepted masks of this image are loaded.");
}

// --- Asking the model ------------------------------------------------------------------------

async function ask() {
  const [of, object, number] = [draft, current(), ++asked];
  if (!object.clicks.some((click) => click.foreground) && !object.box && server.health?.takes_prompts !== false) {
    object.model = null;
    object.facts = null;
    of.end(frame);
    if (object.clicks.length) say("Background points need a foreground point or a box.", true);
    return;
  }
  const prompt = server.health?.takes_prompts === false
    ? { prompt_free: true } : { clicks: object.clicks, ...(object.box && { box: object.box }) };
  const body = { ...prompt, ...(of.spacing && { spacing: [of.spacing] }), frame, mask: "rle" };
  const question = () => json(`v1/images/${of.image.id}/segment`, post("", body));
  try {
    let answer;
    try {
      answer = await question();
    } catch (error) {
      // The server was restarted, or has removed the image: upload it again.
      if (error.status !== 404 || !of.image.file) throw error;
      await json("v1/images", upload(of.image.file));
      answer = await question();
    }
    // A later click or undo has made this answer old.
    if (number !== asked || of !== draft) return;
    const mask = answer.masks[0];
    object.model = mask.found ? mask.rle.counts : null;
    const { name, sha256 } = answer.model;
    object.facts = { ...mask, rle: undefined, contours: undefined, notes: answer.notes, model: { name, sha256 } };
    // Another tab has changed the model.
    if (name !== server.health.model) await loadHealth();
    object.tracked = false;
    of.end(frame);
    const presence = typeof mask.presence === "number" ? ` (presence ${mask.presence.toFixed(2)})` : "";
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

// --- Side panel ------------------------------------------------------------------------------

function show() {
  results.show();
  $("undo").disabled = !draft?.past.length;
  $("redo").disabled = !draft?.future.length;
  $("clear").disabled = $("label").disabled = $("spacing").disabled = !draft;
  if (!draft) return;
  const object = current();
  $("next-object").disabled = !hasMask(object);
  if (document.activeElement !== $("spacing")) $("spacing").value = draft.spacing ?? "";
  if (document.activeElement !== $("label")) $("label").value = object.label;
  $("objects").replaceChildren(...work().objects.map((each, number) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-current", String(number === work().current));
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = colours[number % colours.length];
    button.append(swatch, each.label || `object ${number + 1}`);
    button.addEventListener("click", () => {
      work().current = number;
      draft.end(frame);
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  showFacts(object);
  cine.showMarks();
  const labels = new Set(work().objects.map((each) => each.label).filter(Boolean));
  JSON.parse(localStorage.getItem("samus-labels") || "[]").forEach((label) => labels.add(label));
  $("labels").replaceChildren(...[...labels].map((label) => new Option(label)));
}

function showFacts(object) {
  const { facts } = object;
  const mask = maskOf(object, draft.image);
  const isNumber = (value) => typeof value === "number";
  const isEdited = Boolean(object.add || object.erase);
  const rows = [];
  if (facts?.found === false) rows.push(["Result", "nothing found", true]);
  if (mask) {
    const area = mask.reduce((sum, on) => sum + on, 0);
    rows.push(["Area", `${area} pixels`]);
    const spacing = facts?.spacing_mm || (draft.spacing && [draft.spacing, draft.spacing]);
    if (spacing) {
      const [x, y] = spacing;
      rows.push(["", `${(area * x * y).toFixed(1)} mm²`]);
      if (facts?.lengths && !isEdited) {
        rows.push(["Long axis", `${facts.lengths.long_axis_mm.toFixed(1)} mm`]);
        rows.push(["Short axis", `${facts.lengths.short_axis_mm.toFixed(1)} mm`]);
      }
      rows.push(["Size of a pixel", `${x.toFixed(4)} × ${y.toFixed(4)} mm (${facts?.spacing_source || "as given"})`]);
    } else {
      rows.push(["No mm", facts?.no_mm_reason || "the model was not asked: give the size of a pixel"]);
    }
    if (isEdited) rows.push(["Brush", "changed by hand"]);
  }
  if (isNumber(facts?.iou_estimate)) {
    rows.push(["IoU estimate", `${facts.iou_estimate.toFixed(2)}${facts.low_confidence ? ", low" : ""}`, facts.low_confidence]);
  }
  if (isNumber(facts?.uncertain_share)) rows.push(["Unsure pixels", `${(100 * facts.uncertain_share).toFixed(0)} % of the area`]);
  if (isNumber(facts?.presence)) rows.push(["Presence", facts.presence.toFixed(2)]);
  if (object.tracked) rows.push(["Origin", "tracked from another frame"]);
  if (object.isAutomatic) rows.push(["Origin", "pre-annotated: not checked by a person"]);
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

// --- Mouse -----------------------------------------------------------------------------------

function setTool(name) {
  tool = name;
  document.querySelectorAll("[data-tool]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  });
}

function paint(point) {
  const { width, height } = draft.image;
  const radius = Number($("brush").value);
  const from = drag.last || point;
  const steps = Math.max(1, Math.ceil(Math.hypot(point.x - from.x, point.y - from.y) / Math.max(radius / 2, 1)));
  for (let index = 1; index <= steps; index++) {
    const cx = from.x + ((point.x - from.x) * index) / steps;
    const cy = from.y + ((point.y - from.y) * index) / steps;
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
  if (!draft) return;
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
    drag = { start: point };
  } else {
    const { width, height } = draft.image;
    const bitmap = (runs) => (runs ? decodeRuns(runs, width, height) : new Uint8Array(width * height));
    draft.begin(frame);
    drag = { add: bitmap(current().add), erase: bitmap(current().erase) };
    paint(point);
  }
  event.preventDefault();
});
canvas.addEventListener("pointermove", (event) => {
  if (!draft) return;
  const point = toImage(event);
  $("position").textContent = isInside(point) ? `${Math.round(point.x)}, ${Math.round(point.y)}` : "";
  if (!drag) return;
  if (drag.pan) {
    [view.x, view.y] = [event.clientX - drag.pan.x, event.clientY - drag.pan.y];
    draw();
  } else if (drag.start) {
    const { width, height } = draft.image;
    shown.box = [
      Math.max(0, Math.min(drag.start.x, point.x)), Math.max(0, Math.min(drag.start.y, point.y)),
      Math.min(width, Math.max(drag.start.x, point.x)), Math.min(height, Math.max(drag.start.y, point.y)),
    ];
    draw();
  } else {
    paint(point);
  }
});

function endDrag() {
  const [ended, box] = [drag, shown.box];
  drag = shown.box = null;
  if (!ended) return;
  if (box && box[2] - box[0] > 1 && box[3] - box[1] > 1) {
    change(() => { current().box = box; });
    ask();
  } else if (ended.add) {
    draft.end(frame);
    say("The mask was changed by hand.");
  } else if (ended.start) {
    draw();
    say("Drag to draw a box.", true);
  }
}
canvas.addEventListener("pointerup", endDrag);
canvas.addEventListener("pointercancel", endDrag);
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
}, { passive: false });

// --- Keys ------------------------------------------------------------------------------------

canvas.addEventListener("keydown", (event) => {
  if (!draft || event.ctrlKey || event.metaKey) return;
  const { width, height } = draft.image;
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  shown.cross ||= { x: Math.floor(width / 2), y: Math.floor(height / 2) };
  const { cross } = shown;
  if (moves[event.key]) {
    const size = event.shiftKey ? 10 : 2;
    cross.x = Math.min(Math.max(cross.x + moves[event.key][0] * size, 0), width - 1);
    cross.y = Math.min(Math.max(cross.y + moves[event.key][1] * size, 0), height - 1);
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
  undo: () => step("undo"),
  redo: () => step("redo"),
  clear: () => {
    if (!draft) return;
    asked++;
    change((on) => { on.objects[on.current] = emptyObject(current().label); });
  },
  next: () => {
    if (!draft || !hasMask(current())) return;
    change((on) => { on.objects.push(emptyObject(current().label)); on.current = on.objects.length - 1; });
    say("Next object: click on it.");
  },
  contour: () => { $("contour").checked = !$("contour").checked; render(); },
};
const press = (id) => () => { if (!$(id).disabled && draft?.image.frames > 1) $(id).click(); };

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input:not([type=range]):not([type=checkbox]), select, dialog *");
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z") {
    if (isTyping) return;
    actions[event.shiftKey ? "redo" : "undo"]();
  } else if ((event.ctrlKey || event.metaKey) && key === "y") {
    if (isTyping) return;
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
      k: press("play"), t: press("track"), d: press("next-doubtful"),
      "[": () => $("previous-image").click(), "]": () => $("next-image").click(),
      enter: () => !$("accept").disabled && results.acceptShown(), "?": () => $("help").showModal(),
    };
    if (!keys[key]) return;
    keys[key]();
  }
  event.preventDefault();
});

// --- Controls --------------------------------------------------------------------------------

$("open").addEventListener("change", (event) => {
  if (event.target.files[0]) openFile(event.target.files[0]);
  event.target.value = "";
});
const stage = $("stage");
// Anywhere on the page: a browser leaves the page for a file that is dropped beside the image.
window.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("dropping"); });
window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) stage.classList.remove("dropping"); });
window.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("dropping");
  const items = [...event.dataTransfer.items];
  if (items.some((item) => item.webkitGetAsEntry?.()?.isDirectory)) {
    say("A folder cannot be dropped: start the server with --data FOLDER to work through its images.", true);
    return;
  }
  const [file, ...others] = event.dataTransfer.files;
  if (!file) return;
  openFile(file, others.length ? ` Only ${file.name}, the first of ${others.length + 1} files, was opened.` : "");
});
document.querySelectorAll("[data-tool]").forEach((button) => button.addEventListener("click", () => setTool(button.dataset.tool)));
$("segment").addEventListener("click", () => { if (draft) { draft.begin(frame); ask(); } });
$("undo").addEventListener("click", actions.undo);
$("redo").addEventListener("click", actions.redo);
$("clear").addEventListener("click", actions.clear);
$("next-object").addEventListener("click", actions.next);
$("zoom-in").addEventListener("click", () => zoom(1.25));
$("zoom-out").addEventListener("click", () => zoom(0.8));
$("fit").addEventListener("click", fit);
$("contour").addEventListener("change", render);
$("opacity").addEventListener("input", render);
for (const id of ["window", "level"]) $(id).addEventListener("input", () => { applyWindow(); draw(); });
$("label").addEventListener("change", (event) => change(() => { current().label = event.target.value.trim(); }));
$("spacing").addEventListener("change", (event) => {
  const value = Number(event.target.value);
  change(() => { draft.spacing = value > 0 ? value : null; });
  if (current().clicks.length || current().box) ask();
});
$("reload-stored").addEventListener("click", () => loadAccepted(true).catch((error) => say(error.message, true)));
for (const [id, name, text] of [
  ["take-other", "takeOther", "The other version is loaded; undo brings this one back."],
  ["keep-mine", "keepMine", "This version is kept."],
]) {
  $(id).addEventListener("click", async () => {
    try {
      await draft[name]();
      $("conflict").hidden = true;
      refresh();
      say(text);
    } catch (error) {
      say(error.message, true);
    }
  });
}
window.addEventListener("pagehide", () => draft?.leave());
window.addEventListener("storage", (event) => {
  if (draft && event.key === draft.key && event.newValue && JSON.parse(event.newValue).revision > draft.revision) {
    say("Another tab has changed this image. Your next step lets you choose a version.", true);
  }
});
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

async function loadHealth() {
  server.health = await json("health");
  $("model").textContent = `${server.health.model}, samus ${server.health.version}`;
}

try {
  await loadHealth();
  $("segment").hidden = server.health.takes_prompts;
  $("batch-prompt").disabled = !server.health.takes_prompts;
  const last = sessionStorage.getItem("samus-last");
  await worklist.load(last ? { around: last } : {});
  const entry = last && worklist.entryOf(last);
  if (entry) await openListed(entry);
  training.start();
} catch (error) {
  say(error.message, true);
}
document.documentElement.dataset.ready = "true";
