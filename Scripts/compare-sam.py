#!/usr/bin/env python3
"""Compares our SAM with segment-anything 1.0, the authors' package, at full size on one picture.

Both get ViT-B with the same weights by formula (Scripts/formula.py), written once as a .pth as
the authors publish theirs, a picture of ../shared/data or else the example, and a click and a box.
Compares the embedding and the logits and IoU estimates of one mask and of candidates (relative L2
1e-5 at most; `samus-bench sam-logits`), then the masks of `samus segment` (one pixel in 10,000 at
most). Exits 1 when something differs more. Takes about 3 GB of memory and 1 GB of disk.

Needs the peers and segment-anything: make peers
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from formula import fill
from PIL import Image
from safetensors.torch import load_file, save_file

root = pathlib.Path(__file__).resolve().parent.parent
programs = root / ".build" / "release"
kinds = {"single": False, "multi": True}


def chosen():
    """A picture that is not square."""
    files = sorted((root.parent / "shared" / "data").glob("*/img/*.png"))
    example = root / "Examples" / "echo-a4c-frame10.png"
    return next((file for file in files if len(set(Image.open(file).size)) == 2), example)


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


def our_masks(weights, file, prompts, folder, *flags):
    """Masks and estimates of `samus segment` for each prompt, best estimate first."""
    (folder / "picture.png").symlink_to(file)
    objects = []
    for prompt in prompts.values():
        box = {"box": prompt["box"].tolist()} if "box" in prompt else {}
        points = {"points": prompt["point_coords"].tolist()} if "point_coords" in prompt else {}
        objects.append(box | points)
    listed = {"pictures": [{"image": str(folder / "picture.png"), "objects": objects}]}
    (folder / "prompts.json").write_text(json.dumps(listed))
    command = [programs / "samus", "segment", "--prompts", folder / "prompts.json"]
    command += ["--model", weights, "--format", "png,json", "-o", folder / "out", *flags]
    subprocess.run(command, check=True, capture_output=True)
    record = json.loads((folder / "out" / "picture.json").read_text())
    results = {name: ([], []) for name in prompts}
    for outline in record["masks"]:
        masks, iou = results[list(prompts)[outline["object"] - 1]]
        masks.append(numpy.asarray(Image.open(folder / "out" / outline["mask_file"])) > 0)
        iou.append(outline["iou_estimate"])
    return results, record["times"]["encode"]


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
    file = chosen()
    pixels = numpy.array(Image.open(file).convert("RGB"))
    height, width = pixels.shape[:2]
    click = numpy.array([[round(0.45 * width), round(0.4 * height)]])
    box = numpy.array([width // 3, height // 4, width // 2, height // 2])
    prompts = {
        "click": {"point_coords": click, "point_labels": numpy.array([1])},
        "box": {"box": box},
    }
    print(f"{file.parent.parent.name}/{file.name}, {width} x {height}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        weights = folder / "sam_vit_b.pth"
        torch.save(sam.state_dict(), weights)
        given, expected, masks, seconds = reference(predictor, pixels, prompts)
        distance = compare_logits(our_logits(weights, given, folder), expected)
        share = 0.0
        for kind, multimask in kinds.items():
            inner = folder / kind
            inner.mkdir()
            flags = ["--multimask"] if multimask else []
            found, ours = our_masks(weights, file, prompts, inner, *flags)
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
