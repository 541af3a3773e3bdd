#!/usr/bin/env python3
"""Scores random mask pairs here and with MedPy, surface-distance, MONAI and scikit-image.

    Tools/parity/test_metrics.py [--pairs N] [--seed N] [--program FILE]

Prints the largest difference of each figure; ends with 1 when one is above 1e-6. MONAI keeps
distances in 32 bits and its sums too: there a difference is divided by the figure when that is
above 1. Its percentile, torch.quantile, also rounds the *rank* to 32 bits, in a way that changes with
PyTorch: it is judged with that one step in 64 bits, and shown as it comes without being judged.
Tools/setup-metrics-peers brings the packages; without them all is skipped.
"""
import argparse
import contextlib
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]

try:
    import medpy.metric.binary
    import monai.metrics
    import numpy
    import scipy.ndimage
    import skimage.measure
    import skimage.metrics
    import surface_distance
    import torch
    from PIL import Image
except ImportError as error:
    print(f"compare-metrics: skipped, {error} (Tools/setup-metrics-peers puts it into "
          ".deps/metrics-peers; run this with that folder's bin/python)")
    sys.exit(0)

LIMIT = 1e-6
AS_IT_COMES = "MONAI as it comes"


def blob(random, shape):
    """Smoothed noise within a window: lesions, often several, with holes."""
    noise = scipy.ndimage.gaussian_filter(random.normal(size=shape), random.uniform(2, 9))
    y, x = numpy.ogrid[:shape[0], :shape[1]]
    centre, radius = random.uniform(0.1, 0.9, 2) * shape, random.uniform(0.1, 0.45) * min(shape)
    window = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius ** 2
    return window & (noise > numpy.quantile(noise, random.uniform(0, 0.5)))


def mask(random, shape):
    kind = random.choice(["blob"] * 8 + ["tiny", "border", "noise", "empty", "full", "line"])
    result = numpy.zeros(shape, bool)
    if kind == "blob":
        result = blob(random, shape)
    elif kind == "tiny":
        for _ in range(random.integers(1, 4)):
            result[random.integers(shape[0]), random.integers(shape[1])] = True
    elif kind == "border":
        result[:random.integers(1, shape[0]), random.integers(shape[1]):] = True
        result = numpy.rot90(result, 2) if random.random() < 0.5 else result
    elif kind == "noise":
        result = random.random(shape) < random.uniform(0.01, 0.9)
    elif kind == "full":
        result[:] = True
    elif kind == "line":
        result[random.integers(shape[0])] = True
    return result


def pair(random):
    shape = tuple(int(n) for n in random.integers(8, 161, 2))
    reference = mask(random, shape)
    if random.random() < 0.5:
        moved = scipy.ndimage.shift(reference, random.integers(-6, 7, 2), order=0)
        prediction = moved if random.random() < 0.7 else moved & (random.random(shape) < 0.95)
    else:
        prediction = mask(random, shape)
    spacing = [1.0, 1.0] if random.random() < 0.3 else random.uniform(0.05, 1.5, 2).tolist()
    return prediction, reference, spacing, float(random.uniform(0, 6) * spacing[0])


def edge(mask):
    return mask & ~scipy.ndimage.binary_erosion(mask)


def row_distance(one, other):
    """The authors' HD: sets of rows, Manhattan distance (as the package hausdorff has it)."""
    rows = numpy.abs(one[:, None, :].astype(int) - other[None, :, :].astype(int)).sum(2)
    return max(rows.min(1).max(), rows.min(0).max())


@contextlib.contextmanager
def quantile_in_64_bits():
    quantile = torch.quantile
    torch.quantile = lambda values, share: quantile(values.double(), share)
    try:
        yield
    finally:
        torch.quantile = quantile


def others(prediction, reference, spacing, tolerance):
    """What the other programs say: (program, our figure, value)."""
    medpy_, sd = medpy.metric.binary, surface_distance
    total = prediction.sum() + reference.sum()
    yield "authors", "samus_hd", row_distance(prediction, reference)
    if total == 0 or not prediction.any() or not reference.any():
        # The rules of Docs/Metrics.md: the programs give infinity, an error or nothing here.
        diagonal = math.hypot(*(numpy.array(reference.shape) * spacing))
        for name in ["dice", "iou", "surface_dice"]:
            yield "rule", name, 1.0 if total == 0 else 0.0
        for name in ["hd", "hd95", "hd95_directed", "hd95_length", "asd", "assd"]:
            yield "rule", name, 0.0 if total == 0 else diagonal
        return
    yield "MedPy", "dice", medpy_.dc(prediction, reference)
    yield "MedPy", "iou", medpy_.jc(prediction, reference)
    yield "MedPy", "precision", medpy_.precision(prediction, reference)
    yield "MedPy", "recall", medpy_.recall(prediction, reference)
    if not reference.all():
        yield "MedPy", "specificity", medpy_.specificity(prediction, reference)
    yield "MedPy", "hd", medpy_.hd(prediction, reference, spacing)
    yield "MedPy", "hd95", medpy_.hd95(prediction, reference, spacing)
    yield "MedPy", "asd", medpy_.asd(prediction, reference, spacing)
    yield "MedPy", "assd", medpy_.assd(prediction, reference, spacing)

    distances = sd.compute_surface_distances(reference, prediction, spacing)
    yield "surface-distance", "hd95_length", sd.compute_robust_hausdorff(distances, 95)
    yield "surface-distance", "surface_dice", sd.compute_surface_dice_at_tolerance(
        distances, tolerance)

    p, r = (torch.from_numpy(numpy.ascontiguousarray(m))[None, None].float()
            for m in (prediction, reference))
    yield "MONAI", "dice", monai.metrics.compute_dice(p, r).item()
    yield "MONAI", "iou", monai.metrics.compute_iou(p, r).item()
    hausdorff = monai.metrics.compute_hausdorff_distance
    yield "MONAI", "hd", hausdorff(p, r, True, spacing=spacing).item()
    percentile = lambda: hausdorff(p, r, True, percentile=95, spacing=spacing).item()
    yield AS_IT_COMES, "hd95_directed", percentile()
    with quantile_in_64_bits():
        exact = percentile()
    yield "MONAI", "hd95_directed", exact
    average = monai.metrics.compute_average_surface_distance
    yield "MONAI", "asd", average(p, r, True, spacing=spacing).item()
    yield "MONAI", "assd", average(p, r, True, symmetric=True, spacing=spacing).item()

    # It measures in pixels only.
    if spacing[0] == spacing[1] == 1:
        yield "scikit-image", "hd", skimage.metrics.hausdorff_distance(
            edge(prediction), edge(reference))
    region = skimage.measure.regionprops(reference.astype(numpy.uint8))[0]
    yield "scikit-image", "reference_area", region.area * spacing[0] * spacing[1]
    other = skimage.measure.regionprops(prediction.astype(numpy.uint8))[0]
    offset = (numpy.array(region.centroid) - other.centroid) * spacing
    yield "scikit-image", "centroid_distance", math.hypot(*offset)
    yield "scikit-image", "shape.major_axis", region.axis_major_length
    yield "scikit-image", "shape.minor_axis", region.axis_minor_length
    yield "scikit-image", "shape.perimeter", skimage.measure.perimeter_crofton(reference)
    if min(reference.shape) > 2:
        yield "scikit-image", "shape.maximum_feret", region.feret_diameter_max


def ours(entry, figure):
    part, _, name = figure.rpartition(".")
    return entry[part][name] if part else entry["scores"][figure]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20_240_917)
    parser.add_argument("--program", default=ROOT / ".build/release/samus-bench")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    random = numpy.random.default_rng(options.seed)
    pairs = [pair(random) for _ in range(options.pairs)]
    with tempfile.TemporaryDirectory() as folder:
        folder, listed = pathlib.Path(folder), []
        for i, (prediction, reference, spacing, tolerance) in enumerate(pairs):
            for name, values in [("prediction", prediction), ("reference", reference)]:
                Image.fromarray(values.astype(numpy.uint8) * 255).save(folder / f"{i}-{name}.png")
            listed.append({"name": str(i), "spacing": spacing, "tolerance": tolerance})
        (folder / "pairs.json").write_text(json.dumps(listed))
        done = subprocess.run(
            [options.program, "metrics", folder], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"samus-bench metrics ended with {done.returncode}:\n{done.stderr}")
    worst, emptiness = {}, {}
    for i, entry in enumerate(json.loads(done.stdout)):
        kind = entry["scores"]["emptiness"]
        emptiness[kind] = emptiness.get(kind, 0) + 1
        for program, figure, expected in others(*pairs[i]):
            found, expected = ours(entry, figure), float(expected)
            difference = abs(found - expected)
            if program in ["MONAI", AS_IT_COMES]:
                difference /= max(1, abs(expected))
            # Not a number is the largest difference of all.
            rank = math.inf if math.isnan(difference) else difference
            count, largest, where = worst.get((program, figure), (0, -1, None))
            if rank > largest:
                largest, where = rank, f"pair {i}: {found!r}, {expected!r}"
            worst[program, figure] = (count + 1, largest, where)
    print(f"PyTorch {torch.__version__}, MONAI {monai.__version__}, SciPy {scipy.__version__}, "
          f"NumPy {numpy.__version__}")
    print(f"{options.pairs} pairs, seed {options.seed}; "
          + ", ".join(f"{kind} {count}" for kind, count in sorted(emptiness.items())))
    failed = False
    for (program, figure), (count, largest, where) in sorted(worst.items()):
        wrong = not largest <= LIMIT
        failed |= wrong and program != AS_IT_COMES
        print(f"{program:17} {figure:20} {count:4} pairs, largest difference {largest:.1e}"
              + (f"  <-- {where}" if wrong else "")
              + ("  (not judged)" if program == AS_IT_COMES else ""))
    sys.exit(1 if failed else 0)


main()
