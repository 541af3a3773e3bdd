"""What the scripts share that compare `samus segment` with programs in Python."""
import json
import pathlib
import subprocess
import sys

import numpy
from PIL import Image

root = pathlib.Path(__file__).resolve().parents[2]
data = root.parent / "shared" / "data"
example = root / "Examples" / "echo-a4c-frame10.png"
programs = root / ".build" / "release"
sys.path.append(str(root / "Tools" / "fixtures"))


def pictures():
    """The pictures of all data sets, in order."""
    return sorted(data.glob("*/img/*.png"))


def not_square():
    """A picture whose sides differ, or else the example."""
    return next((file for file in pictures() if len(set(Image.open(file).size)) == 2), example)


def title(file):
    """A picture's data set, name and size."""
    width, height = Image.open(file).size
    folder = file.parent.parent if file.is_relative_to(data) else file.parent
    return f"{folder.name}/{file.name}, {width} x {height}"


def segment(*arguments):
    """Runs `samus segment`; ends with what it said when it fails."""
    done = subprocess.run(
        [programs / "samus", "segment", *map(str, arguments)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"samus segment ended with {done.returncode}:\n{done.stderr}")


def our_masks(weights, file, prompts, folder, *flags):
    """Masks and IoU estimates of `samus segment` for each prompt, best estimate first.

    Prompts are named, and each is what `SamPredictor.predict` takes. Gives the seconds that
    encoding took too.
    """
    folder.mkdir()
    (folder / "picture.png").symlink_to(file)
    objects = []
    for prompt in prompts.values():
        places = {}
        if "box" in prompt:
            places["box"] = prompt["box"].tolist()
        for key, label in [("points", 1), ("negatives", 0)]:
            if "point_coords" in prompt:
                places[key] = prompt["point_coords"][prompt["point_labels"] == label].tolist()
        objects.append(places)
    listed = {"pictures": [{"image": str(folder / "picture.png"), "objects": objects}]}
    (folder / "prompts.json").write_text(json.dumps(listed))
    output = ["--format", "png,json", "--output", folder / "out"]
    segment("--prompts", folder / "prompts.json", "--model", weights, *output, *flags)
    record = json.loads((folder / "out" / "picture.json").read_text())
    results = {name: ([], []) for name in prompts}
    for outline in record["masks"]:
        masks, iou = results[list(prompts)[outline["object"] - 1]]
        masks.append(numpy.asarray(Image.open(folder / "out" / outline["mask_file"])) > 0)
        iou.append(outline["iou_estimate"])
    return results, record["times"]["encode"]


def dice(one, other):
    """Dice of two masks; two empty ones agree."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def iou(one, other):
    """Intersection over union of two masks; two empty ones agree."""
    union = int((one | other).sum())
    return int((one & other).sum()) / union if union else 1.0
