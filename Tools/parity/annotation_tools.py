"""What the two checks of exports for annotation tools share: prompts and masks of `samus segment`."""

import argparse
import json
import pathlib
import sys

from samus_command import iou, read_mask

SKIPPED = 77
MINIMUM_IOU = 0.99


def parse_options(description):
    """The arguments FOLDER, IMAGE... and --masks."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="the folder that samus export wrote")
    parser.add_argument("images", type=pathlib.Path, nargs="+", metavar="image")
    parser.add_argument(
        "--masks", type=pathlib.Path, required=True, metavar="FOLDER",
        help="results of `samus segment --format png,json` for the same images")
    return parser.parse_args()


def skip(program, reason):
    """Exits with the code of a check that cannot run."""
    print(f"skipped: {program} is not installed ({reason})")
    sys.exit(SKIPPED)


def marks(prompt):
    """A prompt of `samus segment` in the form in which both tools store their user's marks."""
    result = [
        {"type": "point", "data": point, "label": label}
        for key, label in [("foreground_points", 1), ("background_points", 0)]
        for point in prompt[key]
    ]
    if "box" in prompt:
        result.append({"type": "rectangle", "data": prompt["box"]})
    return result


def cases(image, folder):
    """Yields name, marks and mask of every object that `samus segment` segmented in an image."""
    record = json.loads((folder / f"{image.stem}.json").read_text())
    for entry in record["masks"]:
        prompt = entry["prompt"]
        name = "box" if "box" in prompt else "click"
        yield f"{image.name}, {name}", marks(prompt), read_mask(folder / entry["mask_file"])


def compare(options, segment):
    """Compares every mask with the tool's, prints each IoU, and exits with 0 or 1.

    segment: a function of an image file and marks that returns the tool's mask and a remark.
    """
    worst, count = 1.0, 0
    for image in options.images:
        for name, image_marks, mask in cases(image, options.masks):
            tool_mask, remark = segment(image, image_marks)
            overlap = iou(tool_mask, mask) if tool_mask.shape == mask.shape else 0.0
            print(f"  {name:40} foreground {mask.mean():4.0%}  IoU {overlap:.5f}{remark}")
            # Empty masks always agree and do not count.
            worst, count = min(worst, overlap), count + bool(mask.any())
    print(f"{options.folder.name}: {count} masks, worst IoU {worst:.5f}")
    sys.exit(0 if count and worst > MINIMUM_IOU else 1)
