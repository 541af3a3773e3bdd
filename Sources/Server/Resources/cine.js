// Cines and volumes: frames in advance, play, and tracking an object from its prompts.

import { emptyObject } from "./draft.js";
import { content, post, say, send } from "./server.js";

const $ = (id) => document.getElementById(id);
const bitmaps = new Map();
const [ahead, kept] = [6, 120];
let page = null;
let playing = null;
let tracking = null;

/** `functions`: `draft()`, `frame()`, `goTo(number)`, `changed(frame)`. */
export function connect(functions) {
  page = functions;
}

export const isPlaying = () => playing !== null;
export const isTracking = () => tracking !== null;

/** Another image is open. */
export function reset(image) {
  stop();
  tracking?.abort();
  for (const bitmap of bitmaps.values()) bitmap.then((loaded) => loaded.close(), () => {});
  bitmaps.clear();
  $("cine").hidden = image.frames < 2;
  $("frame").max = image.frames;
  $("track-text").textContent = "";
}

/** The pixels of a frame, as a promise. */
export function bitmap(image, number) {
  const key = `${image.id}/${number}`;
  if (!bitmaps.has(key)) {
    const loading = send(`v1/images/${image.id}/frames/${number}`).then(async (response) => {
      if (!response.ok) await content(response);
      return createImageBitmap(await response.blob(), { colorSpaceConversion: "none" });
    });
    // A failure must not be kept.
    loading.catch(() => bitmaps.delete(key));
    bitmaps.set(key, loading);
    if (bitmaps.size > kept) bitmaps.delete(bitmaps.keys().next().value);
  }
  return bitmaps.get(key);
}

// --- Play ------------------------------------------------------------------------------------

export function stop() {
  if (playing) clearTimeout(playing);
  playing = null;
  $("play").textContent = "Play";
}

async function play() {
  const start = performance.now();
  const { image } = page.draft();
  const next = (page.frame() % image.frames) + 1;
  for (let number = next; number <= Math.min(image.frames, next + ahead); number++) bitmap(image, number).catch(() => {});
  await page.goTo(next);
  if (!playing) return;
  playing = setTimeout(play, Math.max(0, (image.frame_time_ms || 50) - (performance.now() - start)));
}

$("play").addEventListener("click", () => {
  if (playing) {
    stop();
    page.goTo(page.frame());
    return;
  }
  playing = setTimeout(play, 0);
  $("play").textContent = "Pause";
});
$("frame").addEventListener("input", (event) => {
  stop();
  page.goTo(Number(event.target.value));
});

// --- Marks: what is known about each frame ---------------------------------------------------

const states = { found: "#4fd1ff", low: "#ffb454", nothing: "#ff5c77", none: "#555c63" };

/** What the current object is on a frame: found, low (confidence), nothing (found), none. */
function stateOf(draft, frame, index) {
  const object = draft.frames[frame]?.objects[index];
  if (!object || (!object.facts && !object.model && !object.add)) return "none";
  if (!object.model && !object.add) return "nothing";
  return object.facts?.low_confidence ? "low" : "found";
}

export function showMarks() {
  const [draft, frame] = [page.draft(), page.frame()];
  const { frames } = draft.image;
  if (frames < 2) return;
  const index = draft.work(frame).current;
  const marks = $("marks");
  marks.width = Math.max(frames, marks.clientWidth);
  marks.height = 10;
  const context = marks.getContext("2d");
  const width = marks.width / frames;
  const counts = { found: 0, low: 0, nothing: 0, none: 0 };
  for (let number = 1; number <= frames; number++) {
    const state = stateOf(draft, number, index);
    counts[state]++;
    context.fillStyle = states[state];
    context.fillRect((number - 1) * width, number === frame ? 0 : 3, Math.max(1, width - (width > 4 ? 1 : 0)), 10);
  }
  const masks = counts.found + counts.low;
  $("marks-text").textContent = masks + counts.nothing
    ? `Object ${index + 1}: mask on ${masks} of ${frames} frames, low confidence on ${counts.low}, nothing found on ${counts.nothing}`
    : "";
  $("next-doubtful").disabled = counts.low + counts.nothing === 0;
}

$("next-doubtful").addEventListener("click", () => {
  const [draft, frame] = [page.draft(), page.frame()];
  const index = draft.work(frame).current;
  for (let step = 1; step <= draft.image.frames; step++) {
    const number = ((frame + step - 1) % draft.image.frames) + 1;
    if (["low", "nothing"].includes(stateOf(draft, number, index))) {
      page.goTo(number);
      return;
    }
  }
});

// --- Tracking --------------------------------------------------------------------------------

/** The prompts that a person gave for an object, on all frames. */
function promptsOf(draft, index) {
  return Object.entries(draft.frames).flatMap(([number, work]) => {
    const object = work.objects[index];
    if (!object || (!object.clicks.length && !object.box)) return [];
    return [{ frame: Number(number), clicks: object.clicks, ...(object.box && { box: object.box }) }];
  });
}

/** The lines of a streamed answer, each as JSON. */
async function* lines(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

/** Puts the mask of a frame in place; prompts and brush strokes of a person stay. */
function apply(draft, index, line, label) {
  const work = draft.work(line.frame);
  while (work.objects.length <= index) work.objects.push(emptyObject());
  const object = work.objects[index];
  object.label ||= label;
  object.model = line.mask.found ? line.mask.rle.counts : null;
  object.facts = { ...line.mask, rle: undefined, contours: undefined, notes: [] };
  object.tracked = !line.is_prompted;
  work.current = index;
}

async function track() {
  if (tracking) {
    tracking.abort();
    return;
  }
  stop();
  const [draft, first] = [page.draft(), page.frame()];
  const index = draft.work(first).current;
  const { label } = draft.work(first).objects[index];
  const prompts = promptsOf(draft, index);
  if (!prompts.length) {
    say("First set a point on the object, or draw a box around it, on one frame.", true);
    return;
  }
  tracking = new AbortController();
  const { signal } = tracking;
  const { frames } = draft.image;
  $("track").textContent = "Stop tracking";
  $("track-progress").hidden = false;
  $("track-progress").max = frames;
  const counts = { done: 0, nothing: 0, failed: 0 };
  // One step for undo, whatever arrives.
  draft.begin(first, Array.from({ length: frames }, (_, number) => number + 1));
  let ending = "Tracking ended early";
  try {
    const body = { prompts, ...(draft.spacing && { spacing: [draft.spacing] }) };
    const response = await send(`v1/images/${draft.image.id}/track`, post("", body, { signal }));
    if (!response.ok) await content(response);
    for await (const line of lines(response)) {
      if (line.done !== undefined) {
        ending = line.done ? "Tracked" : `Tracking ended early: ${line.error}`;
        break;
      }
      counts.done++;
      if (line.mask) apply(draft, index, line, label);
      else counts.failed++;
      if (line.mask && !line.mask.found) counts.nothing++;
      $("track-progress").value = counts.done;
      if (page.draft() === draft) page.changed(line.frame);
    }
  } catch (error) {
    ending = signal.aborted ? "Tracking was stopped" : error.message;
  } finally {
    tracking = null;
    $("track").textContent = "Track";
    $("track-progress").hidden = true;
    const text = `${ending}: ${counts.done} of ${frames} frames, nothing found on ${counts.nothing}`
      + (counts.failed ? `, ${counts.failed} cannot be read` : "");
    if (page.draft() === draft) {
      $("track-text").textContent = text;
      say(text, counts.nothing + counts.failed > 0 || ending !== "Tracked");
    }
    draft.end(first);
  }
}

$("track").addEventListener("click", track);
