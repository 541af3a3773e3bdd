// The images of the served folder: pages of the list, search, progress, and pre-annotation.

import { emptyObject, saveNew } from "./draft.js";
import { json, pause, post, say, server } from "./server.js";

const $ = (id) => document.getElementById(id);
const pageSize = 100;
/** The listed part of the folder. */
const list = { images: [], total: 0, offset: 0 };
/** `openEntry(entry)` opens an image; `current` is what is open, with its frame. */
let page = { openEntry: async () => {}, current: () => null };

export function connect(functions) {
  page = functions;
}

/** Loads a part of the list; `query` is `{ offset }` or `{ around }`. */
export async function load(query = { offset: list.offset }) {
  const search = $("filter").value.trim();
  const parameters = new URLSearchParams({ limit: pageSize, ...query, ...(search && { search }) });
  const body = await json(`v1/images?${parameters}`);
  Object.assign(list, { images: body.images, total: body.total, offset: body.offset });
  server.hasFolder = body.can_accept;
  server.hasArchive = body.can_store;
  $("worklist-title").textContent = body.can_store ? "Archive" : "Folder";
  $("progress-text").hidden = $("progress").hidden = body.can_store;
  $("worklist").hidden = !body.files;
  $("progress-text").textContent = `${body.accepted} of ${body.files} accepted`;
  $("progress").max = body.files || 1;
  $("progress").value = body.accepted;
  show();
  return body;
}

export function show() {
  const open = page.current()?.draft.image.id;
  const last = list.offset + list.images.length;
  $("page-text").textContent = list.total ? `${list.offset + 1} to ${last} of ${list.total}` : "no image";
  $("earlier").disabled = list.offset === 0;
  $("later").disabled = last >= list.total;
  $("list").replaceChildren(...list.images.map((entry) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = (entry.accepted ? "✓ " : entry.draft ? "… " : "") + entry.name;
    const state = entry.accepted ? ", accepted" : entry.draft ? ", begun" : "";
    if (state) button.setAttribute("aria-label", entry.name + state);
    button.setAttribute("aria-current", String(open === entry.id));
    button.addEventListener("click", () => page.openEntry(entry));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

export const entryOf = (id) => list.images.find((entry) => entry.id === id);

/** Marks that work on an image was begun. */
export function begun(id) {
  const entry = entryOf(id);
  if (!entry || entry.draft) return;
  entry.draft = true;
  show();
}

/** Opens the next or the previous image. */
export async function step(offset) {
  const id = page.current()?.draft.image.id;
  let index = list.images.findIndex((entry) => entry.id === id);
  if (index < 0) index = offset > 0 ? -1 : list.images.length;
  if (list.images[index + offset]) return page.openEntry(list.images[index + offset]);
  const place = list.offset + index + offset;
  if (place < 0 || place >= list.total) return undefined;
  await load({ offset: Math.floor(place / pageSize) * pageSize });
  return page.openEntry(list.images[place - list.offset]);
}

const guarded = (body) => () => body().catch((error) => say(error.message, true));
let typing = null;
$("filter").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(guarded(() => load({ offset: 0 })), 150);
});
$("earlier").addEventListener("click", guarded(() => load({ offset: Math.max(0, list.offset - pageSize) })));
$("later").addEventListener("click", guarded(() => load({ offset: list.offset + pageSize })));
$("previous-image").addEventListener("click", guarded(() => step(-1)));
$("next-image").addEventListener("click", guarded(() => step(1)));

// --- Pre-annotation --------------------------------------------------------------------------

let running = null;

/** The prompt for an image of another size: points and box at the same places of its area. */
function promptFor(image) {
  if (!server.health.takes_prompts) return { prompt_free: true };
  if ($("batch-prompt").value === "middle") {
    return { box: [0.2, 0.2, 0.8, 0.8].map((part, index) => part * (index % 2 ? image.height : image.width)) };
  }
  const { draft, object } = page.current();
  const [sx, sy] = [image.width / draft.image.width, image.height / draft.image.height];
  return {
    clicks: object.clicks.map(({ x, y, foreground }) => ({
      x: (x + 0.5) * sx - 0.5, y: (y + 0.5) * sy - 0.5, foreground,
    })),
    ...(object.box && { box: object.box.map((value, index) => value * (index % 2 ? sy : sx)) }),
  };
}

/** Segments an image and saves the result as a draft; waits while the server is busy. */
async function preannotate(entry, label, signal) {
  const image = await json(`v1/images/${entry.id}`, { signal });
  const prompt = promptFor(image);
  for (;;) {
    try {
      const answer = await json(`v1/images/${entry.id}/segment`, post("", { ...prompt, mask: "rle" }, { signal }));
      const mask = answer.masks[0];
      await saveNew(image, [{
        ...emptyObject(label), clicks: prompt.clicks || [], box: prompt.box || null,
        model: mask.found ? mask.rle.counts : null, isAutomatic: true,
        facts: { ...mask, rle: undefined, contours: undefined, notes: answer.notes },
      }]);
      return mask;
    } catch (error) {
      if (error.status !== 503) throw error;
      await pause(1000 * (error.retryAfter || 1));
      if (signal.aborted) throw error;
    }
  }
}

async function batch() {
  if (running) {
    running.abort();
    return;
  }
  const open = page.current();
  const usesPrompt = server.health.takes_prompts && $("batch-prompt").value === "here";
  if (usesPrompt && !open?.object.box && !open?.object.clicks.some((click) => click.foreground)) {
    $("batch-text").textContent = "First set a point or draw a box on an open image: the others get the same one.";
    return;
  }
  running = new AbortController();
  const { signal } = running;
  $("batch").textContent = "Stop";
  $("batch-progress").hidden = false;
  const label = open?.object.label || "";
  const counts = { done: 0, passed: 0, nothing: 0, low: 0, failed: [] };
  const words = () => `${counts.done} pre-annotated, ${counts.passed} left out (begun or accepted), `
    + `${counts.nothing} without a mask, ${counts.low} with low confidence`
    + (counts.failed.length ? `, ${counts.failed.length} not read: ${counts.failed.slice(0, 3).join(", ")}` : "");
  try {
    for (let offset = 0, total = 1; offset < total; offset += pageSize) {
      const part = await json(`v1/images?limit=${pageSize}&offset=${offset}`, { signal });
      total = part.total;
      $("batch-progress").max = total;
      for (const [index, entry] of part.images.entries()) {
        $("batch-progress").value = offset + index;
        if (entry.accepted || entry.draft || entry.id === open?.draft.image.id) {
          counts.passed++;
          continue;
        }
        try {
          const mask = await preannotate(entry, label, signal);
          counts.done++;
          if (!mask.found) counts.nothing++;
          else if (mask.low_confidence) counts.low++;
          begun(entry.id);
        } catch (error) {
          if (error.name === "AbortError" || signal.aborted || error.status === undefined) throw error;
          // Somebody began this image meanwhile.
          if (error.status === 409) counts.passed++;
          else counts.failed.push(`${entry.name} (${error.message})`);
        }
        $("batch-text").textContent = words();
      }
    }
    $("batch-progress").value = $("batch-progress").max;
    $("batch-text").textContent = `Done: ${words()}. Check every outline.`;
  } catch (error) {
    $("batch-text").textContent = `${signal.aborted ? "Stopped" : error.message}: ${words()}.`;
  } finally {
    running = null;
    $("batch").textContent = "Start";
    await load().catch((error) => say(error.message, true));
  }
}

$("batch").addEventListener("click", batch);
