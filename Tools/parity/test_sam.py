#!/usr/bin/env python3
"""Compares our SAM with segment-anything 1.0, the authors' package, at full size on one picture.

Both get ViT-B with the same weights by formula (Tools/fixtures/formula_weights.py), written once as a .pth as
the authors publish theirs, a picture of ../shared/data or else the example, and a click and a box.
Compares the embedding and the logits and IoU estimates of one mask and of candidates (relative L2
1e-5 at most; `samus-bench sam-logits`), then the masks of `samus segment` (one pixel in 10,000 at
most). Exits 1 when something differs more. Takes about 3 GB of memory and 1 GB of disk.

Needs the peers and segment-anything: make peers
"""
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from samus_command import not_square, our_masks, programs, title
from formula_weights import fill
from PIL import Image
from safetensors.torch import load_file, save_file

kinds = {"single": False, "multi": True}


def reference(predictor, pixels, prompts):
    """The package's own predictor: what it gives for each prompt, and its input."""
    start = time.perf_counter()
    predictor.set_image(pixels)
    seconds = time.perf_counter() - start
    model, transform = predictor.model, predictor.transform
    resized = torch.from_numpy(transform.apply_image(pixels)).permute(2, 0, 1)[None].contiguous()
    given = {"input": model.preprocess(resized)}
    expected = {"embedding": predictor.features}
    masks = {}
    for name, prompt in prompts.items():
        if "point_coords" in prompt:
            points = transform.apply_coords(prompt["point_coords"], pixels.shape[:2])
            given[f"{name}.points"] = torch.tensor(points[None]).float()
            given[f"{name}.labels"] = torch.tensor(prompt["point_labels"][None]).float()
        if "box" in prompt:
            box = transform.apply_boxes(prompt["box"], pixels.shape[:2])
            given[f"{name}.boxes"] = torch.tensor(box).float()
        for kind, multimask in kinds.items():
            found, iou, logits = predictor.predict(**prompt, multimask_output=multimask)
            expected[f"{name}.{kind}.logits"] = torch.from_numpy(logits)[None]
            expected[f"{name}.{kind}.iou"] = torch.from_numpy(iou)[None]
            best = numpy.argsort(-iou)
            masks[f"{name}.{kind}"] = (found[best], iou[best])
    return given, expected, masks, seconds


def our_logits(weights, given, folder):
    save_file(given, folder / "input.safetensors")
    files = [weights, folder / "input.safetensors", folder / "output.safetensors"]
    subprocess.run([programs / "samus-bench", "sam-logits", *files], check=True)
    return load_file(files[-1])


def compare_logits(found, expected):
    """The largest relative difference; prints all."""
    largest = 0.0
    for name, value in expected.items():
        difference = (found[name] - value).double()
        relative = (difference.norm() / value.double().norm()).item()
        largest = max(largest, relative if relative == relative else float("inf"))
        print(f"{name:24} max abs {difference.abs().max():.1e}  relative L2 {relative:.1e}")
    return largest


def compare_masks(found, expected, kind):
    """The largest share of pixels that differ; prints all."""
    largest = 0.0
    for name, (masks, iou) in found.items():
        known, estimates = expected[f"{name}.{kind}"]
        apart = [int((one != other).sum()) for one, other in zip(masks, known, strict=True)]
        inside = [f"{mask.mean():.0%}" for mask in known]
        estimate = numpy.abs(numpy.array(iou) - estimates).max()
        print(
            f"{name + '.' + kind:24} {'+'.join(map(str, apart))} of {known[0].size} pixels differ"
            f" (inside: {', '.join(inside)}), IoU estimate {estimate:.1e}"
        )
        largest = max(largest, max(apart) / known[0].size)
    return largest


@torch.no_grad()
def compare(sam, predictor):
    file = not_square()
    pixels = numpy.array(Image.open(file).convert("RGB"))
    height, width = pixels.shape[:2]
    click = numpy.array([[round(0.45 * width), round(0.4 * height)]])
    box = numpy.array([width // 3, height // 4, width // 2, height // 2])
    prompts = {
        "click": {"point_coords": click, "point_labels": numpy.array([1])},
        "box": {"box": box},
    }
    print(title(file))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        weights = folder / "sam_vit_b.pth"
        torch.save(sam.state_dict(), weights)
        given, expected, masks, seconds = reference(predictor, pixels, prompts)
        distance = compare_logits(our_logits(weights, given, folder), expected)
        share = 0.0
        for kind, multimask in kinds.items():
            flags = ["--multimask"] if multimask else []
            found, ours = our_masks(weights, file, prompts, folder / kind, *flags)
            share = max(share, compare_masks(found, masks, kind))
    print(f"largest relative L2 {distance:.1e}, largest share of other pixels {share:.1e}")
    print(f"preparing and encoding: {seconds:.1f} s there; encoding: {ours:.1f} s here")
    return distance <= 1e-5 and share <= 1e-4


def main():
    try:
        from segment_anything import SamPredictor, sam_model_registry
    except ImportError as error:
        print(f"compare-sam: skipped, segment-anything is not here ({error})")
        return
    sam = fill(sam_model_registry["vit_b"]())
    sys.exit(0 if compare(sam, SamPredictor(sam)) else 1)


if __name__ == "__main__":
    main()
