#!/usr/bin/env python3
"""Compares `samus segment --everything` with segment-anything's SamAutomaticMaskGenerator.

The generator of segment-anything 1.0 runs as it is on a picture of ../shared/data (or else the
example): once over the package's own SAM, once over SAMUS (Tools/parity/samus_predictor.py), with crops
and without small regions too. Both are ViT-B with weights by formula, changed so that clicks get
masks that differ (Tools/parity/click_weights.py says how and why), and written once as a .pth that both sides
read. Masks are matched by crop, click and best overlap; a threshold may fall between two masks
that differ by a rounding, so some may be without a match. Exits 1 when more than 2 % are, when the
median IoU of the matched ones is below 0.99, or any is below 0.95. Takes about 3 GB of memory and
half a GB of disk.

Needs the peers and segment-anything: make peers
"""
import json
import pathlib
import sys
import tempfile
import time
from collections import defaultdict

import numpy
import torch
from click_weights import aim
from samus_command import iou, not_square, segment, title
from formula_weights import fill
from PIL import Image
from pycocotools import mask as run_lengths
from samus_predictor import SamusPredictor

# The command's options and the generator's; the grid is the one that the weights are made for.
grid = {"points-per-side": ("points_per_side", 8), "points-per-batch": ("points_per_batch", 20)}
sure = {"predicted-iou": ("pred_iou_thresh", 0.1), "stability": ("stability_score_thresh", 0.6)}
crops = {"crop-layers": ("crop_n_layers", 1), "minimum-area": ("min_mask_region_area", 25)}


def here(weights, file, options, folder):
    """The records that `samus segment` writes."""
    flags = [f"--{name}={value}" for name, (_, value) in options.items()]
    output = ["--format", "json", "--output", folder]
    segment(file, "--everything", "--model", weights, *output, *flags)
    return json.loads((folder / f"{file.stem}.everything.json").read_text())["annotations"]


def there(generator, predictor, image, options):
    """The records of the package's generator."""
    keywords = dict(options.values())
    made = generator(predictor.model, output_mode="coco_rle", **keywords)
    made.predictor = predictor
    return made.generate(image)


def place(record):
    """The crop and the click that a mask answers."""
    numbers = [*record["crop_box"], *record["point_coords"][0]]
    return tuple(round(number, 3) for number in numbers)


def matched(ours, theirs):
    """Pairs of places in the two lists, and their IoU; those of one click by best overlap."""
    clicks = defaultdict(list)
    for index, record in enumerate(theirs):
        clicks[place(record)].append(index)
    masks = [run_lengths.decode(record["segmentation"]) > 0 for record in theirs]
    pairs = []
    for index, record in enumerate(ours):
        mask = run_lengths.decode(record["segmentation"]) > 0
        pairs += [(iou(mask, masks[other]), index, other) for other in clicks[place(record)]]
    used, found = (set(), set()), []
    for overlap, index, other in sorted(pairs, reverse=True):
        # Another candidate of the click is no match: its own fell out on one side.
        if overlap > 0.5 and index not in used[0] and other not in used[1]:
            used[0].add(index)
            used[1].add(other)
            found.append((overlap, index, other))
    return found


def agrees(name, ours, theirs):
    """Prints how far the two lists are apart, and says whether that is near enough."""
    pairs = matched(ours, theirs)
    alone = max(len(ours), len(theirs)) - len(pairs)
    if not pairs:
        print(f"{name}: {len(ours)} masks here, {len(theirs)} there, none in common")
        return False
    overlaps = numpy.array([overlap for overlap, _, _ in pairs])
    order = [other for _, _, other in sorted(pairs, key=lambda pair: pair[1])]
    apart = {
        key: max(abs(ours[a][key] - theirs[b][key]) for _, a, b in pairs)
        for key in ("predicted_iou", "stability_score")
    }
    areas = sorted(record["area"] for record in theirs)
    print(
        f"{name}: {len(ours)} masks here, {len(theirs)} there, of {areas[0]} to {areas[-1]} pixels;"
        f" {alone} without a match; {'the same' if order == sorted(order) else 'another'} order\n"
        f"  IoU of the matched: median {numpy.median(overlaps):.5f}, worst {overlaps.min():.5f},"
        f" {int((overlaps == 1).sum())} equal in every pixel\n"
        f"  IoU estimates differ by {apart['predicted_iou']:.1e} at most,"
        f" stability by {apart['stability_score']:.1e}"
    )
    few = alone <= 0.02 * max(len(ours), len(theirs))
    return bool(few and numpy.median(overlaps) >= 0.99 and overlaps.min() >= 0.95)


def compare(name, generator, predictor, image, file, options):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        fill(predictor.model)
        aim(predictor, image)
        torch.save(predictor.model.state_dict(), folder / "weights.pth")
        start = time.perf_counter()
        theirs = there(generator, predictor, image, options)
        middle = time.perf_counter()
        ours = here(folder / "weights.pth", file, options, folder / "out")
        seconds = middle - start, time.perf_counter() - middle
    passed = agrees(name, ours, theirs)
    print(f"  {seconds[0]:.0f} s there, {seconds[1]:.0f} s here with reading the weights")
    return passed


def main():
    try:
        from segment_anything import SamAutomaticMaskGenerator, SamPredictor, sam_model_registry
    except ImportError as error:
        print(f"compare-automatic: skipped, segment-anything is not here ({error})")
        return
    file = not_square()
    print(title(file))
    pixels = numpy.array(Image.open(file).convert("RGB"))
    sam, samus = SamPredictor(sam_model_registry["vit_b"]()), SamusPredictor()
    runs = [
        ("SAM", sam, pixels, grid | sure),
        ("SAMUS", samus, samus.read(file), grid | sure),
        ("SAMUS, crops", samus, samus.read(file), grid | sure | crops),
    ]
    passed = [
        compare(name, SamAutomaticMaskGenerator, predictor, image, file, options)
        for name, predictor, image, options in runs
    ]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
