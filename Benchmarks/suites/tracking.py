"""How well samus track follows an object through synthetic cines, and how fast. Needs NumPy, SciPy, Pillow.

A cine is an image of a test list of DATA (US30K layout, Docs/Data.md) under a smooth motion: shift, turn,
scale, and a bend that changes from frame to frame, with new speckle on every frame. The label moves along,
so that the truth of every frame is known. In the cines that "leave", the object moves out of the frame and
comes back.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

from . import common

HEADING = None
# One object of each dataset: its class, or None for everything that is not 0.
CLASSES = {"Echo-CAMUS": 1, "NerveVessel-USGRA": 2}


def add_options(parser):
    parser.add_argument("data", type=pathlib.Path, metavar="DATA", help="datasets in US30K layout")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--per-set", type=int, default=2, help="images of each dataset")
    parser.add_argument("--without-leaving", action="store_true",
                        help="only cines whose object stays in the frame")
    parser.add_argument("--model", default="samus-lite")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--prompt", choices=["box", "point"], default="box")
    parser.add_argument("--clips", type=pathlib.Path, metavar="FOLDER",
                        help="label clips (.nii.gz) whose temporal metrics are reported")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER",
                        help="keep the cines and results here (images of DATA: do not pass them on)")
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures of every cine")


def run(options):
    program = common.programs(options, "samus") / "samus"
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or pathlib.Path(temporary)
        cines = [measure(options, program, case, leaves, work)
                 for case in cases(options)
                 for leaves in ((False,) if options.without_leaving else (False, True))]
    encode = json.loads(subprocess.run(
        [program, "bench", "--model", options.model, "--threads", options.threads, "--json",
         "--repeat", "20"], capture_output=True, text=True, check=True).stdout)["encode"]["median"]
    if options.json:
        options.json.write_text(json.dumps(cines, indent=1) + "\n")
    lines = [
        f"`{options.model}`, {options.prompt} on frame 1, {options.frames} frames each, "
        f"{options.threads} thread of {common.machine()}.", "",
        "| dataset | cines | Dice, frame 1 | Dice, all frames | worst frame | last tenth minus first tenth |"
        " lost frames |",
        "|---|---:|---:|---:|---:|---:|---:|"]
    names = sorted({cine["dataset"] for cine in cines})
    stays = [cine for cine in cines if not cine["leaves"]]
    for name in names + ["all"]:
        rows = [cine for cine in stays if name in (cine["dataset"], "all")]
        lines.append(
            f"| {name} | {len(rows)} | " + " | ".join(
                f"{mean(row[key] for row in rows):.3f}" for key in ("first", "dice"))
            + f" | {min(row['worst'] for row in rows):.3f}"
            + f" | {mean(row['drift'] for row in rows):+.3f}"
            + f" | {sum(row['lost'] for row in rows)} of {sum(row['frames'] for row in rows)} |")
    gone = [cine for cine in cines if cine["leaves"]]
    absent = sum(cine["absent"] for cine in gone)
    back = sum(cine["back"] for cine in gone)
    lines += [] if not gone else [
        "", "| cines that leave the frame | |", "|---|---:|",
        f"| frames without the object, and of these without a mask | {absent}, "
        f"{sum(cine['absent_empty'] for cine in gone)} |",
        f"| frames after the object is back, and of these with a mask of Dice 0.5 or more | {back}, "
        f"{sum(cine['back_found'] for cine in gone)} |"]
    rates = [cine["frames_per_second"] for cine in cines]
    rate = mean(rates)
    lines += [
        "", "| speed | |", "|---|---:|", f"| frames/s, mean of {len(rates)} cines | {rate:.1f} |",
        f"| encodings/s of the encoder alone (`samus bench`) | {1 / encode:.1f} |",
        f"| share | {rate * encode:.2f} |"]
    if options.clips:
        lines += ["", *clips(options)]
    return "\n".join(lines)


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else float("nan")


def cases(options):
    """Dataset, name, grey image and mask of the largest piece of the object."""
    import numpy
    from PIL import Image
    from scipy import ndimage
    lists = options.data / "MainPatient"
    for path in sorted(lists.glob("test-*.txt")):
        dataset = path.stem.removeprefix("test-")
        lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
        for line in lines[::max(len(lines) // options.per_set, 1)][:options.per_set]:
            name = line.split("/")[-1]
            image = next((options.data / dataset / "img").glob(name + ".*"))
            label = numpy.asarray(Image.open(options.data / dataset / "label" / (name + ".png")))
            label = label[..., 0] if label.ndim == 3 else label
            mask = label == CLASSES[dataset] if dataset in CLASSES else label > 0
            pieces, _ = ndimage.label(mask)
            if not pieces.any():
                continue
            largest = 1 + numpy.bincount(pieces.ravel())[1:].argmax()
            yield dataset, name, numpy.asarray(Image.open(image).convert("L")), pieces == largest


def frames(image, mask, count, seed, leaves):
    """The frames of a cine with their masks."""
    import numpy
    from scipy import ndimage
    random = numpy.random.default_rng(seed)
    height, width = mask.shape
    centre = numpy.array(ndimage.center_of_mass(mask))
    phases, speeds = random.uniform(0, 2 * numpy.pi, 5), random.uniform(0.8, 1.6, 5)
    sizes = numpy.array([0.06 * height, 0.06 * width, 0.15, 0.12, 0.06])
    rows, columns = numpy.mgrid[:height, :width].astype(numpy.float32)
    for index in range(count):
        turn = 2 * numpy.pi * index / max(count, 60)
        dy, dx, angle, scale, bend = sizes * (
            numpy.sin(speeds * turn + phases) - numpy.sin(phases))
        if leaves:
            part = min(max((index / count - 0.15) / 0.7, 0), 1)
            dx += 0.8 * width * numpy.sin(numpy.pi * part) ** 2
        y, x = rows - centre[0] - dy, columns - centre[1] - dx
        # The inverse of: bend, scale, turn, shift.
        cos, sin, scale = numpy.cos(angle), numpy.sin(angle), numpy.exp(-scale)
        v, u = scale * (cos * y - sin * x), scale * (sin * y + cos * x)
        reach = 0.25 * (height + width)
        v, u = v * (1 + bend * numpy.tanh(u / reach)), u * (1 - bend * numpy.tanh(v / reach))
        places = [v + centre[0], u + centre[1]]
        moved = ndimage.map_coordinates(image.astype(numpy.float32), places, order=1)
        truth = ndimage.map_coordinates(mask.astype(numpy.float32), places, order=1) > 0.5
        speckle = ndimage.gaussian_filter(random.standard_normal((height, width)), 0.8)
        yield numpy.clip(moved * (1 + 0.25 * speckle), 0, 255).astype(numpy.uint8), truth


def measure(options, program, case, leaves, work):
    import numpy
    from PIL import Image
    dataset, name, image, mask = case
    cine = work / f"{dataset}-{name}{'-leaves' if leaves else ''}"
    (cine / "frames").mkdir(parents=True, exist_ok=True)
    truths = []
    seed = sum(map(ord, name))
    for index, (frame, truth) in enumerate(frames(image, mask, options.frames, seed, leaves), 1):
        Image.fromarray(frame).save(cine / "frames" / f"{index:04}.png", compress_level=1)
        truths.append(truth)
    rows, columns = numpy.nonzero(truths[0])
    if options.prompt == "box":
        prompt = ["--box", f"{columns.min()},{rows.min()},{columns.max() + 1},{rows.max() + 1}"]
    else:
        from scipy import ndimage
        inside = ndimage.distance_transform_edt(truths[0])
        y, x = numpy.unravel_index(inside.argmax(), inside.shape)
        prompt = ["--point", f"{x},{y}"]
    result = subprocess.run(
        [program, "track", cine / "frames", *prompt, "--model", options.model, "--threads",
         options.threads, "--force", "-o", cine / "track"], capture_output=True, text=True)
    if result.returncode not in (0, 3):
        sys.exit(f"{cine}: {result.stderr}")
    table = list(csv.DictReader(open(cine / "track" / "track.csv")))
    record = json.loads((cine / "track" / "track.json").read_text())
    dice, found = [], [row["found"] == "1" for row in table]
    for index, truth in enumerate(truths, 1):
        path = cine / "track" / f"frames.frame{index:04}.mask.png"
        mask = numpy.asarray(Image.open(path)) > 0
        total = int(mask.sum()) + int(truth.sum())
        dice.append(1.0 if total == 0 else 2 * int((mask & truth).sum()) / total)
    tenth = max(len(dice) // 10, 1)
    # At the border of the frame a sliver of the object is neither there nor gone.
    whole = truths[0].sum()
    is_absent = [truth.sum() == 0 for truth in truths]
    is_back = [any(is_absent[:index]) and truth.sum() > 0.5 * whole
               for index, truth in enumerate(truths)]
    common.log(f"{cine.name}: mean Dice {mean(dice):.3f}, {sum(found)} of {len(found)} found, "
               f"{record['frames_per_second']:.1f} frames/s")
    return {
        "dataset": dataset, "name": name, "leaves": leaves, "frames": len(dice),
        "first": dice[0], "dice": mean(dice), "worst": min(dice),
        "drift": mean(dice[-tenth:]) - mean(dice[:tenth]), "lost": found.count(False),
        "absent": int(sum(is_absent)),
        "absent_empty": int(sum(gone and not there for gone, there in zip(is_absent, found))),
        "back": int(sum(is_back)),
        "back_found": int(sum(back and value >= 0.5 for back, value in zip(is_back, dice))),
        "frames_per_second": record["frames_per_second"], "dice_by_frame": dice}


def read_clip(path):
    """A label clip of bytes: frames, rows, columns."""
    import gzip
    import struct

    import numpy
    content = gzip.open(path).read()
    sizes = struct.unpack("<8h", content[40:56])
    start = int(struct.unpack("<f", content[108:112])[0])
    width, height, count = sizes[1:4]
    voxels = numpy.frombuffer(content, numpy.uint8, width * height * count, start)
    return voxels.reshape(count, height, width)


def clips(options):
    """Temporal metrics of label clips: does an area, or an outline, jump from frame to frame?"""
    import numpy
    yield "| label clip, class | frames | mean change of area | largest change | roughness | Dice of neighbours |"
    yield "|---|---:|---:|---:|---:|---:|"
    for path in sorted(options.clips.glob("*segmentation*.nii.gz")):
        clip = read_clip(path)
        for value in (1, 2):
            masks = clip == value
            areas = masks.sum((1, 2)).astype(float)
            if areas.min() == 0:
                continue
            change = abs(numpy.diff(areas)) / areas[:-1]
            # Second differences: a smooth beat has small ones, a jitter large ones.
            roughness = abs(numpy.diff(areas, 2)).mean() / areas.mean()
            dice = [2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in zip(masks, masks[1:])]
            yield (f"| {path.name.removesuffix('.nii.gz')}, {value} | {len(areas)} | "
                   f"{100 * change.mean():.1f} % | {100 * change.max():.1f} % | "
                   f"{100 * roughness:.1f} % | {mean(dice):.3f} |")
