"""Our metrics against MedPy, surface-distance, MONAI and scikit-image, on random mask pairs.

The largest difference allowed is 1e-6. MONAI computes in 32 bits, so that its differences are relative
where a metric is above 1. Its percentile (torch.quantile) also rounds the rank to 32 bits, in a way
that depends on PyTorch's version: the test compares with that step in 64 bits, and prints the
difference of the unchanged MONAI for information.
"""

import contextlib
import json
import math
import warnings

import numpy
import pytest
from PIL import Image
from samus_command import run

medpy = pytest.importorskip("medpy.metric.binary")
monai = pytest.importorskip("monai.metrics")
scipy = pytest.importorskip("scipy.ndimage")
skimage = pytest.importorskip("skimage.metrics")
measure = pytest.importorskip("skimage.measure")
surface_distance = pytest.importorskip("surface_distance")
torch = pytest.importorskip("torch")

LIMIT = 1e-6
UNCHANGED_MONAI = "MONAI unchanged"


def blob(random, shape):
    """Smoothed noise within a circle: often several lesions, with holes."""
    noise = scipy.gaussian_filter(random.normal(size=shape), random.uniform(2, 9))
    y, x = numpy.ogrid[:shape[0], :shape[1]]
    centre, radius = random.uniform(0.1, 0.9, 2) * shape, random.uniform(0.1, 0.45) * min(shape)
    window = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius ** 2
    return window & (noise > numpy.quantile(noise, random.uniform(0, 0.5)))


def random_mask(random, shape):
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


def random_pair(random):
    """A prediction, a reference, the pixel spacing in mm and a tolerance in mm."""
    shape = tuple(int(n) for n in random.integers(8, 161, 2))
    reference = random_mask(random, shape)
    if random.random() < 0.5:
        moved = scipy.shift(reference, random.integers(-6, 7, 2), order=0)
        prediction = moved if random.random() < 0.7 else moved & (random.random(shape) < 0.95)
    else:
        prediction = random_mask(random, shape)
    spacing = [1.0, 1.0] if random.random() < 0.3 else random.uniform(0.05, 1.5, 2).tolist()
    return prediction, reference, spacing, float(random.uniform(0, 6) * spacing[0])


def edge(mask):
    return mask & ~scipy.binary_erosion(mask)


def row_distance(first, second):
    """The authors' HD: Manhattan distance between sets of rows, as in the package hausdorff."""
    rows = numpy.abs(first[:, None, :].astype(int) - second[None, :, :].astype(int)).sum(2)
    return max(rows.min(1).max(), rows.min(0).max())


@contextlib.contextmanager
def quantile_in_64_bits():
    quantile = torch.quantile
    torch.quantile = lambda values, share: quantile(values.double(), share)
    try:
        yield
    finally:
        torch.quantile = quantile


def expected_values(prediction, reference, spacing, tolerance):
    """Yields the values of the other programs: (program, name of our metric, value)."""
    sd = surface_distance
    total = prediction.sum() + reference.sum()
    yield "authors", "samus_hd", row_distance(prediction, reference)
    if total == 0 or not prediction.any() or not reference.any():
        # The rules of Docs/Metrics.md; the programs return infinity or fail here.
        diagonal = math.hypot(*(numpy.array(reference.shape) * spacing))
        for name in ["dice", "iou", "surface_dice"]:
            yield "rule", name, 1.0 if total == 0 else 0.0
        for name in ["hd", "hd95", "hd95_directed", "hd95_length", "asd", "assd"]:
            yield "rule", name, 0.0 if total == 0 else diagonal
        return
    yield "MedPy", "dice", medpy.dc(prediction, reference)
    yield "MedPy", "iou", medpy.jc(prediction, reference)
    yield "MedPy", "precision", medpy.precision(prediction, reference)
    yield "MedPy", "recall", medpy.recall(prediction, reference)
    if not reference.all():
        yield "MedPy", "specificity", medpy.specificity(prediction, reference)
    yield "MedPy", "hd", medpy.hd(prediction, reference, spacing)
    yield "MedPy", "hd95", medpy.hd95(prediction, reference, spacing)
    yield "MedPy", "asd", medpy.asd(prediction, reference, spacing)
    yield "MedPy", "assd", medpy.assd(prediction, reference, spacing)

    distances = sd.compute_surface_distances(reference, prediction, spacing)
    yield "surface-distance", "hd95_length", sd.compute_robust_hausdorff(distances, 95)
    yield "surface-distance", "surface_dice", sd.compute_surface_dice_at_tolerance(
        distances, tolerance)

    p, r = (torch.from_numpy(numpy.ascontiguousarray(m))[None, None].float()
            for m in (prediction, reference))
    yield "MONAI", "dice", monai.compute_dice(p, r).item()
    yield "MONAI", "iou", monai.compute_iou(p, r).item()
    hausdorff = monai.compute_hausdorff_distance
    yield "MONAI", "hd", hausdorff(p, r, True, spacing=spacing).item()
    hd95 = {"include_background": True, "percentile": 95, "spacing": spacing}
    yield UNCHANGED_MONAI, "hd95_directed", hausdorff(p, r, **hd95).item()
    with quantile_in_64_bits():
        exact = hausdorff(p, r, **hd95).item()
    yield "MONAI", "hd95_directed", exact
    average = monai.compute_average_surface_distance
    yield "MONAI", "asd", average(p, r, True, spacing=spacing).item()
    yield "MONAI", "assd", average(p, r, True, symmetric=True, spacing=spacing).item()

    # scikit-image has no spacing here.
    if spacing[0] == spacing[1] == 1:
        yield "scikit-image", "hd", skimage.hausdorff_distance(
            edge(prediction), edge(reference))
    region = measure.regionprops(reference.astype(numpy.uint8))[0]
    yield "scikit-image", "reference_area", region.area * spacing[0] * spacing[1]
    other = measure.regionprops(prediction.astype(numpy.uint8))[0]
    offset = (numpy.array(region.centroid) - other.centroid) * spacing
    yield "scikit-image", "centroid_distance", math.hypot(*offset)
    yield "scikit-image", "shape.major_axis", region.axis_major_length
    yield "scikit-image", "shape.minor_axis", region.axis_minor_length
    yield "scikit-image", "shape.perimeter", measure.perimeter_crofton(reference)
    if min(reference.shape) > 2:
        yield "scikit-image", "shape.maximum_feret", region.feret_diameter_max


def our_value(entry, metric):
    part, _, name = metric.rpartition(".")
    return entry[part][name] if part else entry["scores"][metric]


def write_pairs(pairs, folder):
    """Writes the folder that `samus-bench metrics` reads."""
    entries = []
    for i, (prediction, reference, spacing, tolerance) in enumerate(pairs):
        for name, values in [("prediction", prediction), ("reference", reference)]:
            Image.fromarray(values.astype(numpy.uint8) * 255).save(folder / f"{i}-{name}.png")
        entries.append({"name": str(i), "spacing": spacing, "tolerance": tolerance})
    (folder / "pairs.json").write_text(json.dumps(entries))


def largest_differences(pairs, results):
    """By program and metric: the number of pairs, the largest difference and a description of it."""
    largest = {}
    for i, entry in enumerate(results):
        for program, metric, expected in expected_values(*pairs[i]):
            value, expected = our_value(entry, metric), float(expected)
            difference = abs(value - expected)
            if program in ["MONAI", UNCHANGED_MONAI]:
                difference /= max(1, abs(expected))
            if math.isnan(difference):
                difference = math.inf
            count, before, where = largest.get((program, metric), (0, -1, None))
            if difference > before:
                before, where = difference, f"pair {i}: {value!r}, expected {expected!r}"
            largest[program, metric] = (count + 1, before, where)
    return largest


def test_metrics(request, tmp_path):
    warnings.simplefilter("ignore")
    count, seed = request.config.getoption("--pairs"), request.config.getoption("--seed")
    random = numpy.random.default_rng(seed)
    pairs = [random_pair(random) for _ in range(count)]
    write_pairs(pairs, tmp_path)
    results = json.loads(run("samus-bench", "metrics", tmp_path))
    kinds = [entry["scores"]["emptiness"] for entry in results]
    print(f"\n{count} pairs, seed {seed}; "
          + ", ".join(f"{kind} {kinds.count(kind)}" for kind in sorted(set(kinds))))
    problems = []
    for (program, metric), (number, largest, where) in sorted(
            largest_differences(pairs, results).items()):
        note = "  (for information)" if program == UNCHANGED_MONAI else ""
        print(f"{program:17} {metric:20} {number:4} pairs, largest difference {largest:.1e}{note}")
        if largest > LIMIT and not note:
            problems.append(f"{program}, {metric}: {largest:.1e} ({where})")
    assert not problems
