// Training on the accepted masks, and the change to the model that it makes.

import { json, pause, post, say, server } from "./server.js";

const $ = (id) => document.getElementById(id);
let last = null;
let isPolling = false;
/** Called after another model answers. */
let modelChanged = () => {};

export function connect(functions) {
  modelChanged = functions.modelChanged;
}

const isActive = () => ["preparing", "running", "finishing"].includes(last?.state);

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function words() {
  const { state, epoch, epochs, dice, seconds_left: left } = last;
  const best = typeof dice === "number" ? `, best Dice on validation images ${dice.toFixed(3)}` : "";
  switch (state) {
    case "preparing": return "Copying and splitting the accepted masks.";
    case "running":
      return epoch
        ? `Epoch ${epoch} of ${epochs}${best}${typeof left === "number" ? `, ${duration(left)} left` : ""}.`
        : `Epoch 1 of ${epochs}: the images are encoded first.`;
    case "finishing": return "Comparing the new model with the former one.";
    case "stopped": return `Stopped${epoch ? ` after epoch ${epoch} of ${epochs}${best}` : ""}.`;
    case "failed": return `The training failed: ${(last.failure || []).join(" ")}`;
    case "finished": return `Trained on ${last.images} images.`;
    default: return "";
  }
}

function show() {
  const { comparison, model, served, accepted, needed, refusal } = last;
  $("training-count").textContent = refusal && !isActive()
    ? `${refusal[0].toUpperCase()}${refusal.slice(1)}.`
    : `${accepted} images accepted; at least ${needed} are needed.`;
  $("train").disabled = Boolean(refusal) || isActive();
  $("train-resume").hidden = !last.can_resume;
  $("train-stop").hidden = !isActive();
  $("training-progress").hidden = last.state !== "running";
  $("training-progress").max = last.epochs || 1;
  $("training-progress").value = last.epoch || 0;
  const text = words();
  if ($("training-text").textContent !== text) $("training-text").textContent = text;
  $("training-text").classList.toggle("warn", last.state === "failed");
  $("trained").hidden = !model;
  if (!model) return;
  $("comparison-caption").textContent = `Mean Dice of ${comparison?.objects ?? 0} validation objects`;
  for (const prompt of ["click", "box"]) {
    for (const which of ["former", "trained"]) {
      $(`${which}-${prompt}`).textContent = comparison ? comparison[which][prompt].toFixed(3) : "";
    }
  }
  $("use-trained").hidden = served === "trained";
  $("use-original").hidden = served === "original";
}

async function load() {
  last = await json("v1/training");
  show();
}

/** Watches a training until it ends; the last state stays. */
async function watch() {
  if (isPolling) return;
  isPolling = true;
  try {
    await load();
    while (isActive()) {
      await pause(1000);
      await load();
    }
  } catch (error) {
    say(error.message, true);
  } finally {
    isPolling = false;
  }
}

const step = (body) => async () => {
  try {
    await body();
    await watch();
  } catch (error) {
    say(error.message, true);
  }
};

/** Shows the panel where masks can be accepted. */
export async function start() {
  $("training").hidden = !server.hasFolder;
  if (server.hasFolder) await watch();
}

const use = (which) => step(async () => {
  say("Loading the model.");
  last = await json("v1/training/model", post("", { use: which }));
  show();
  await modelChanged();
  say(which === "trained"
    ? "The trained model answers now. It was never tested on other patients: check every outline."
    : "The former model answers again.");
});

$("train").addEventListener("click", step(async () => {
  last = await json("v1/training", post("", { epochs: Number($("train-epochs").value), recipe: $("train-recipe").value }));
  show();
}));
$("train-resume").addEventListener("click", step(async () => { last = await json("v1/training", post("", { resume: true })); show(); }));
$("train-stop").addEventListener("click", step(async () => {
  last = await json("v1/training", { method: "DELETE" });
  $("training-text").textContent = "Stopping.";
}));
$("use-trained").addEventListener("click", use("trained"));
$("use-original").addEventListener("click", use("original"));
$("training").addEventListener("toggle", () => { if ($("training").open) watch(); });
