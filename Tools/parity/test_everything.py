"""`samus segment --everything` against segment-anything's SamAutomaticMaskGenerator.

The generator of segment-anything 1.0 is unchanged. It runs with the package's SAM and with SAMUS in
Python, also with crops and without small regions, on one image. Both networks are ViT-B whose weights
make a different mask for each click (click_weights.py). Masks are matched by crop, click and best
overlap. A few masks may have no match, because a rounding error can move a mask over a threshold. Needs
about 3 GB of memory and half a GB of disk.
"""

import json
import time
from collections import defaultdict

import numpy
import pytest
import torch
from click_weights import fit_to_clicks
from formula_weights import fill
from PIL import Image
from pycocotools import mask as coco
from samus_command import image_not_square, iou, segment, title
from samus_predictor import SamusPredictor

segment_anything = pytest.importorskip("segment_anything")

# The options of the command, with the name and value of each for the generator. The weights are fitted
# to this grid.
GRID = {"points-per-side": ("points_per_side", 8), "points-per-batch": ("points_per_batch", 20)}
THRESHOLDS = {
    "predicted-iou": ("pred_iou_thresh", 0.1), "stability": ("stability_score_thresh", 0.6)}
CROPS = {"crop-layers": ("crop_n_layers", 1), "minimum-area": ("min_mask_region_area", 25)}
RUNS = {
    "SAM": ("sam", GRID | THRESHOLDS),
    "SAMUS": ("samus", GRID | THRESHOLDS),
    "SAMUS with crops": ("samus", GRID | THRESHOLDS | CROPS),
}


def our_masks(weights, file, options, folder):
    """The records that `samus segment --everything` writes."""
    flags = [f"--{name}={value}" for name, (_, value) in options.items()]
    segment(
        file, "--everything", "--model", weights, "--format", "json", "--output", folder, *flags)
    return json.loads((folder / f"{file.stem}.everything.json").read_text())["annotations"]


def their_masks(predictor, image, options):
    """The records of the package's generator."""
    generator = segment_anything.SamAutomaticMaskGenerator(
        predictor.model, output_mode="coco_rle", **dict(options.values()))
    generator.predictor = predictor
    return generator.generate(image)


def crop_and_click(record):
    numbers = [*record["crop_box"], *record["point_coords"][0]]
    return tuple(round(number, 3) for number in numbers)


def match(ours, theirs):
    """Matches masks of the same crop and click by best overlap: (IoU, our index, their index)."""
    by_click = defaultdict(list)
    for index, record in enumerate(theirs):
        by_click[crop_and_click(record)].append(index)
    masks = [coco.decode(record["segmentation"]) > 0 for record in theirs]
    pairs = []
    for index, record in enumerate(ours):
        mask = coco.decode(record["segmentation"]) > 0
        others = by_click[crop_and_click(record)]
        pairs += [(iou(mask, masks[other]), index, other) for other in others]
    used_ours, used_theirs, matches = set(), set(), []
    for overlap, index, other in sorted(pairs, reverse=True):
        # A low overlap is another candidate of the click, whose own match was removed on one side.
        if overlap > 0.5 and index not in used_ours and other not in used_theirs:
            used_ours.add(index)
            used_theirs.add(other)
            matches.append((overlap, index, other))
    return matches


@pytest.mark.parametrize("name", RUNS)
def test_masks(name, tmp_path):
    """At least 98 % match, with a median IoU of at least 0.99 and none below 0.95."""
    network, options = RUNS[name]
    file = image_not_square()
    if network == "sam":
        sam = segment_anything.sam_model_registry["vit_b"]()
        predictor = segment_anything.SamPredictor(sam)
        image = numpy.array(Image.open(file).convert("RGB"))
    else:
        predictor = SamusPredictor()
        image = predictor.read(file)
    fill(predictor.model)
    fit_to_clicks(predictor, image)
    torch.save(predictor.model.state_dict(), tmp_path / "weights.pth")
    start = time.perf_counter()
    theirs = their_masks(predictor, image, options)
    middle = time.perf_counter()
    ours = our_masks(tmp_path / "weights.pth", file, options, tmp_path / "out")
    print(f"\n{title(file)}: {middle - start:.0f} s in Python, "
          f"{time.perf_counter() - middle:.0f} s by samus with loading the weights")

    matches = match(ours, theirs)
    assert matches, f"{len(ours)} masks of samus and {len(theirs)} of Python, no match"
    unmatched = max(len(ours), len(theirs)) - len(matches)
    overlaps = numpy.array([overlap for overlap, _, _ in matches])
    order = [other for _, _, other in sorted(matches, key=lambda pair: pair[1])]
    largest = {
        key: max(abs(ours[a][key] - theirs[b][key]) for _, a, b in matches)
        for key in ("predicted_iou", "stability_score")
    }
    areas = sorted(record["area"] for record in theirs)
    print(
        f"  {len(ours)} masks of samus, {len(theirs)} of Python, {areas[0]} to {areas[-1]} pixels; "
        f"{unmatched} without a match; the order {'is equal' if order == sorted(order) else 'differs'}\n"
        f"  IoU: median {numpy.median(overlaps):.5f}, worst {overlaps.min():.5f}, "
        f"{int((overlaps == 1).sum())} masks equal in every pixel\n"
        f"  largest difference of IoU estimates {largest['predicted_iou']:.1e}, "
        f"of stability scores {largest['stability_score']:.1e}")
    assert unmatched <= 0.02 * max(len(ours), len(theirs))
    assert numpy.median(overlaps) >= 0.99
    assert overlaps.min() >= 0.95
