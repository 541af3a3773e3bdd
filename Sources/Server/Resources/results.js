// Accepting masks into the dataset, and downloads: PNG, COCO, DICOM SEG.

import { encodeRuns, hasMask, maskOf } from "./masks.js";
import { content, json, post, say, send, server } from "./server.js";
import * as worklist from "./worklist.js";

const $ = (id) => document.getElementById(id);
const notice = "research use only, not a medical device";
/** `functions`: `draft()`, `frame()`. */
let page = null;

export function connect(functions) {
  page = functions;
}

const nameOf = (object, number) => object.label.trim() || `object ${number + 1}`;

/** Objects of a frame with their masks; those without a pixel are left out. */
function found(draft, frame) {
  return (draft.frames[frame]?.objects || [])
    .map((object, number) => ({ object, number, mask: maskOf(object, draft.image) }))
    .filter(({ mask }) => mask?.some(Boolean));
}

const framesWithMasks = (draft) => Object.keys(draft.frames).map(Number).sort((a, b) => a - b)
  .filter((frame) => draft.frames[frame].objects.some(hasMask));

// --- Accept ----------------------------------------------------------------------------------

/** Stores the masks of a frame; returns the answer, or null where another version was stored. */
async function acceptFrame(draft, frame) {
  const { width, height, id } = draft.image;
  const objects = found(draft, frame).map(({ object, number, mask }) => ({
    label: nameOf(object, number), mask: { size: [height, width], counts: encodeRuns(mask, width, height) },
    clicks: object.clicks, ...(object.box && { box: object.box }),
    ...(typeof object.facts?.iou_estimate === "number" && { iou_estimate: object.facts.iou_estimate }),
    ...(typeof object.facts?.presence === "number" && { presence: object.facts.presence }),
    ...(object.facts?.model && { model: object.facts.model }),
    edited: Boolean(object.add || object.erase),
  }));
  const tag = draft.accepted[frame];
  const response = await send(`v1/images/${id}/annotation?frame=${frame}`, {
    method: "PUT", headers: { "Content-Type": "application/json", ...(tag && { "If-Match": tag }) },
    body: JSON.stringify({ objects }),
  });
  if (response.status === 409) {
    const body = await response.json();
    $("reload-stored").hidden = false;
    say(`Not stored: ${body.error}`, true);
    return null;
  }
  const body = await content(response);
  draft.accepted[frame] = response.headers.get("ETag");
  const labels = new Set(JSON.parse(localStorage.getItem("samus-labels") || "[]"));
  objects.forEach((object) => labels.add(object.label));
  localStorage.setItem("samus-labels", JSON.stringify([...labels].slice(-100)));
  return body;
}

async function accept(frames) {
  const draft = page.draft();
  let count = 0;
  try {
    for (const frame of frames) {
      if (!found(draft, frame).length) continue;
      const body = await acceptFrame(draft, frame);
      if (!body) break;
      count++;
      say(frames.length > 1
        ? `Accepted ${count} of ${frames.length} frames into the dataset ${body.dataset}.`
        : `Accepted into the dataset ${body.dataset} as ${body.name}.`);
    }
  } catch (error) {
    say(count ? `${count} frames were accepted; then: ${error.message}` : error.message, true);
  }
  draft.save();
  await worklist.load().catch((error) => say(error.message, true));
}

export const acceptShown = () => accept([page.frame()]);

// --- Downloads -------------------------------------------------------------------------------

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function stem(image, frame) {
  const name = image.name.split("/").pop().replace(/\.(png|jpe?g|dcm|nii(\.gz)?)$/i, "");
  return frame && image.frames > 1 ? `${name}.frame${String(frame).padStart(4, "0")}` : name;
}

async function savePNG() {
  const [{ image }, frame] = [page.draft(), page.frame()];
  const objects = found(page.draft(), frame);
  for (const { mask, number } of objects) {
    const target = new OffscreenCanvas(image.width, image.height);
    const data = new ImageData(image.width, image.height);
    mask.forEach((on, index) => data.data.set([on * 255, on * 255, on * 255, 255], 4 * index));
    target.getContext("2d").putImageData(data, 0, 0);
    const suffix = objects.length > 1 ? `.object${number + 1}` : "";
    download(await target.convertToBlob({ type: "image/png" }), `${stem(image, frame)}${suffix}.mask.png`);
  }
}

/** All frames with masks; a frame is an image of COCO. */
function saveCOCO() {
  const draft = page.draft();
  const { width, height, name, frames } = draft.image;
  const [names, images, annotations] = [[], [], []];
  for (const frame of framesWithMasks(draft)) {
    images.push({ id: images.length + 1, file_name: name.split("/").pop(), width, height, ...(frames > 1 && { frame }) });
    for (const { object, number, mask } of found(draft, frame)) {
      const label = nameOf(object, number);
      if (!names.includes(label)) names.push(label);
      let [x0, y0, x1, y1, area] = [width, height, 0, 0, 0];
      mask.forEach((on, index) => {
        if (!on) return;
        const [x, y] = [index % width, Math.floor(index / width)];
        [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x + 1), Math.max(y1, y + 1)];
        area++;
      });
      annotations.push({
        id: annotations.length + 1, image_id: images.length, category_id: names.indexOf(label) + 1, iscrowd: 0, area,
        bbox: [x0, y0, x1 - x0, y1 - y0],
        segmentation: { size: [height, width], counts: encodeRuns(mask, width, height) },
      });
    }
  }
  const result = {
    info: { description: `masks of samus serve, ${notice}`, model: server.health?.model, version: server.health?.version },
    images, categories: names.map((each, index) => ({ id: index + 1, name: each })), annotations,
  };
  download(new Blob([JSON.stringify(result, null, 1)], { type: "application/json" }), `${stem(draft.image)}.coco.json`);
}

/** The masks of all frames, of which the server makes DICOM SEG. */
function segmentation() {
  const draft = page.draft();
  const { width, height } = draft.image;
  const segments = [];
  const prompts = [];
  const models = new Map();
  for (const frame of framesWithMasks(draft)) {
    for (const { object, number, mask } of found(draft, frame)) {
      segments[number] ||= { label: "", is_automatic: true, masks: [] };
      const segment = segments[number];
      segment.label ||= object.label.trim().slice(0, 64);
      segment.is_automatic &&= Boolean(object.isAutomatic) && !object.add && !object.erase;
      segment.masks.push({ frame, size: [height, width], counts: encodeRuns(mask, width, height) });
      const { model } = object.facts || {};
      if (model) models.set(model.sha256, model);
      if (object.clicks.length || object.box || object.add || object.erase) {
        prompts.push(`object ${number + 1} frame ${frame}: ${object.clicks.length} points`
          + `${object.box ? ", box" : ""}${object.add || object.erase ? ", brush" : ""}`);
      }
    }
  }
  return {
    segments: segments.map((segment, number) => ({ ...segment, label: segment.label || `object ${number + 1}` })).filter(Boolean),
    // Masks of several models: all are named.
    ...(models.size === 1 && { model: [...models.values()][0] }),
    parameters: [...(models.size > 1 ? [`models ${[...models.values()].map(({ name }) => name).join(", ")}`] : []), ...prompts]
      .join("; ").slice(0, 2000),
    ...(draft.spacing && { spacing: [draft.spacing] }),
  };
}

const objectsOf = ({ segments }) => (segments.length === 1 ? "1 object" : `${segments.length} objects`);

async function saveSEG() {
  const { image } = page.draft();
  try {
    const body = segmentation();
    const response = await send(`v1/images/${image.id}/seg`, post("", body));
    if (!response.ok) await content(response);
    download(await response.blob(), `${stem(image)}.seg.dcm`);
    say(`Saved ${objectsOf(body)} as DICOM SEG, ${notice}.`);
  } catch (error) {
    say(error.message, true);
  }
}

/** Into the archive that the image came from. */
async function storeSEG() {
  $("store-seg").disabled = true;
  say("Storing.");
  try {
    const body = segmentation();
    const answer = await json(`v1/images/${page.draft().image.id}/seg/store`, post("", body));
    say(answer.stored
      ? `Stored ${objectsOf(body)} as DICOM SEG in the archive, ${notice}.`
      : "The archive already has these masks of this model.");
  } catch (error) {
    say(error.message, true);
  } finally {
    show();
  }
}

/** Enables what can be done with the open image. */
export function show() {
  const [draft, frame] = [page.draft(), page.frame()];
  const isHere = Boolean(draft?.frames[frame]?.objects.some(hasMask));
  const isAnywhere = Boolean(draft) && framesWithMasks(draft).length > 0;
  $("accept").disabled = !isHere || !server.hasFolder;
  $("accept-all").hidden = !draft || draft.image.frames < 2 || server.hasArchive;
  $("accept-all").disabled = !isAnywhere || !server.hasFolder;
  $("export-png").disabled = !isHere;
  $("export-coco").disabled = !isAnywhere;
  $("export-seg").disabled = !isAnywhere || draft.image.format !== "dicom";
  $("accept").hidden = server.hasArchive;
  $("store-seg").hidden = !server.hasArchive;
  $("store-seg").disabled = !isAnywhere || !draft.image.listed;
}

$("accept").addEventListener("click", acceptShown);
$("accept-all").addEventListener("click", () => accept(framesWithMasks(page.draft())));
$("export-png").addEventListener("click", savePNG);
$("export-coco").addEventListener("click", saveCOCO);
$("export-seg").addEventListener("click", saveSEG);
$("store-seg").addEventListener("click", storeSEG);
