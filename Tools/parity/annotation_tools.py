"""What the two checks of exports for labeling tools share: prompts and masks of `samus segment`."""
import argparse
import json
import pathlib
import sys

import numpy
from samus_command import iou
from PIL import Image

skipped = 77
enough = 0.99


def options(description):
    """FOLDER, PICTURE... and --masks of the command line."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="what samus-train export wrote")
    parser.add_argument("pictures", type=pathlib.Path, nargs="+", metavar="picture")
    parser.add_argument(
        "--masks", type=pathlib.Path, required=True, metavar="FOLDER",
        help="results of `samus segment --format png,json` on the same pictures"
    )
    return parser.parse_args()


def skip(program, reason):
    """Ends with the code of a test that could not run."""
    print(f"skipped: {program} is not installed ({reason})")
    sys.exit(skipped)


def marks(prompt):
    """A prompt of `samus segment` as both tools write their user's marks."""
    found = [
        {"type": "point", "data": point, "label": label}
        for key, label in [("points", 1), ("negatives", 0)]
        for point in prompt.get(key, [])
    ]
    if "box" in prompt:
        found.append({"type": "rectangle", "data": prompt["box"]})
    return found


def cases(picture, folder):
    """Name, marks and mask of everything that `samus segment` found in a picture."""
    record = json.loads((folder / f"{picture.stem}.json").read_text())
    for outline in record["masks"]:
        prompt = outline["prompt"]
        name = "box" if "box" in prompt else "click"
        mask = numpy.asarray(Image.open(folder / outline["mask_file"])) > 0
        yield f"{picture.name}, {name}", marks(prompt), mask


def compare(given, segment):
    """Compares every mask with the tool's, prints each IoU, and ends with 0 or 1.

    `segment` takes a picture's path and the marks, and gives the tool's mask and a remark.
    """
    worst, count = 1.0, 0
    for picture in given.pictures:
        for name, wanted, mask in cases(picture, given.masks):
            found, remark = segment(picture, wanted)
            same = iou(found, mask) if found.shape == mask.shape else 0.0
            print(f"  {name:40} inside {mask.mean():4.0%}  IoU {same:.5f}{remark}")
            # An empty mask would agree with anything empty, and tells nothing.
            worst, count = min(worst, same), count + bool(mask.any())
    print(f"{given.folder.name}: {count} masks, worst IoU {worst:.5f}")
    sys.exit(0 if count and worst > enough else 1)
