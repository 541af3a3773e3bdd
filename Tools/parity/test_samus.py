#!/usr/bin/env python3
"""Compares `samus segment` with SAMUS in Python, at full size on three pictures.

Both get ViT-B with the same weights by formula (Tools/fixtures/formula_weights.py), written once as a .pth as the
authors write theirs; the pictures are of different shapes, one in colour, from ../shared/data (or
else the example alone). The network in Python is Benchmarks/peers/samus_network.py, with the authors'
preparation (Tools/parity/samus_predictor.py). Prompts are a click, two clicks with a negative one, and a
box, each for one mask and for candidates. Exits 1 when Dice is below 0.999 anywhere, or an IoU
estimate differs by more than 1e-4. Takes about 2 GB of memory and half a GB of disk.

Needs the peers: make peers
"""
import pathlib
import sys
import tempfile

import numpy
import torch
from samus_command import dice, example, our_masks, pictures, title
from formula_weights import fill
from PIL import Image
from samus_predictor import SamusPredictor

kinds = {"single": False, "multi": True}


def chosen():
    """A wide picture, a tall one and one in colour, of three data sets."""
    wanted = [
        lambda picture: picture.mode != "L",
        lambda picture: picture.width > 1.3 * picture.height,
        lambda picture: picture.height > picture.width,
    ]
    files = []
    for matches in wanted:
        others = {file.parent for file in files}
        left = (file for file in pictures() if file.parent not in others)
        files += [file for file in left if matches(Image.open(file))][:1]
    return files or [example]


def prompts_of(file):
    """Three prompts, in the form of SamPredictor.predict."""
    width, height = Image.open(file).size
    places = numpy.array([[0.45, 0.4], [0.6, 0.55], [0.15, 0.8]]) * [width, height]
    places = places.round()
    return {
        "click": {"point_coords": places[:1], "point_labels": numpy.array([1])},
        "clicks": {"point_coords": places, "point_labels": numpy.array([1, 1, 0])},
        "box": {"box": numpy.array([width // 3, height // 4, width // 2, height // 2])},
    }


def compare(predictor, weights, file, folder):
    """The worst Dice and the largest difference of IoU estimates on a picture; prints all."""
    prompts = prompts_of(file)
    predictor.set_image(predictor.read(file))
    worst, largest = 1.0, 0.0
    print(title(file))
    for kind, multimask in kinds.items():
        flags = ["--multimask"] if multimask else []
        found, _ = our_masks(weights, file, prompts, folder / kind, *flags)
        for name, (masks, estimates) in found.items():
            known, iou, _ = predictor.predict(**prompts[name], multimask_output=multimask)
            best = numpy.argsort(-iou)
            overlaps = [dice(a, b) for a, b in zip(masks, known[best], strict=True)]
            apart = numpy.abs(numpy.array(estimates) - iou[best]).max()
            inside = ", ".join(f"{mask.mean():.0%}" for mask in known[best])
            print(
                f"  {name + '.' + kind:14} Dice {min(overlaps):.5f} (inside: {inside}),"
                f" IoU estimate {apart:.1e}"
            )
            # Of Python's own max a NaN would go unseen.
            worst, largest = min(worst, *overlaps), float(numpy.maximum(largest, apart))
    return worst, largest


def main():
    predictor = SamusPredictor()
    fill(predictor.model)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        torch.save(predictor.model.state_dict(), folder / "samus.pth")
        for index, file in enumerate(chosen()):
            inner = folder / str(index)
            inner.mkdir()
            results.append(compare(predictor, folder / "samus.pth", file, inner))
    worst, largest = min(a for a, _ in results), numpy.max([b for _, b in results])
    print(
        f"SAMUS, {len(results)} pictures: worst Dice {worst:.5f}, "
        f"largest difference of IoU estimates {largest:.1e}"
    )
    sys.exit(0 if worst >= 0.999 and largest <= 1e-4 else 1)


if __name__ == "__main__":
    main()
