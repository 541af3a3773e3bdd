"""Runs `samus segment` for the parity tests, and compares masks."""

import json
import pathlib
import subprocess

import numpy
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
DATA = SHARED / "data"
EXAMPLE = ROOT / "Examples" / "echo-a4c-frame10.png"
PROGRAMS = ROOT / ".build" / "release"


def images():
    """The images of all datasets, sorted."""
    return sorted(DATA.glob("*/img/*.png"))


def image_not_square():
    """The first image whose sides differ, or the example when there are no datasets."""
    return next((file for file in images() if len(set(Image.open(file).size)) == 2), EXAMPLE)


def title(file):
    """The dataset, name and size of an image."""
    width, height = Image.open(file).size
    folder = file.parent.parent if file.is_relative_to(DATA) else file.parent
    return f"{folder.name}/{file.name}, {width} x {height}"


def run(program, *arguments):
    """Runs one of our programs; returns what it prints."""
    command = [str(PROGRAMS / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\nexit code {done.returncode}: {done.stderr}"
    return done.stdout


def segment(*arguments):
    run("samus", "segment", *arguments)


def read_mask(file):
    return numpy.asarray(Image.open(file)) > 0


def prompt_record(prompt):
    """Arguments of `SamPredictor.predict` as an object of a prompt file."""
    record = {}
    if "box" in prompt:
        record["box"] = prompt["box"].tolist()
    if "point_coords" in prompt:
        for key, label in [("points", 1), ("background_points", 0)]:
            record[key] = prompt["point_coords"][prompt["point_labels"] == label].tolist()
    return record


def segment_prompts(weights, file, prompts, folder, *flags):
    """Masks and IoU estimates of `samus segment` for each prompt, best estimate first.

    prompts: the arguments of `SamPredictor.predict` by name; folder: a new folder for the results.
    Returns the results by name, and the seconds that encoding took.
    """
    folder.mkdir()
    (folder / "image.png").symlink_to(file)
    objects = [prompt_record(prompt) for prompt in prompts.values()]
    prompt_file = folder / "prompts.json"
    prompt_file.write_text(
        json.dumps({"images": [{"image": str(folder / "image.png"), "objects": objects}]}))
    segment(
        "--prompts", prompt_file, "--model", weights, "--format", "png,json",
        "--output", folder / "out", *flags)
    record = json.loads((folder / "out" / "image.json").read_text())
    results = {name: ([], []) for name in prompts}
    for entry in record["masks"]:
        masks, estimates = results[list(prompts)[entry["object"] - 1]]
        masks.append(read_mask(folder / "out" / entry["mask_file"]))
        estimates.append(entry["iou_estimate"])
    return results, record["times"]["encode"]


def dice(first, second):
    """Dice of two masks; 1 when both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else 1.0


def iou(first, second):
    """Intersection over union of two masks; 1 when both are empty."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0
