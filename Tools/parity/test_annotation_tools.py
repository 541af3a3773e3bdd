#!/usr/bin/env python3
"""Exports models for X-AnyLabeling and AnyLabeling, and compares the tools' masks with ours.

    check-annotation-tools.py [CHECKPOINT...] [--precision f16-weights]

Without checkpoints it takes LiteMedSAM-ultrasound, whose weights are in the checkout; of SAMUS there
are none. Pictures are the example and what is cut, enlarged and coloured of it, none square; each
gets a click and a box. What the tools make of them (Tools/parity/check_x_anylabeling.py,
Tools/parity/check_anylabeling.py) is compared with `samus segment`. Exits 1 where a mask's IoU is not
above 0.99. A tool that is not installed is skipped, and with none installed the exit code is 77.

Needs the tools: Tools/setup-annotation-tools
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
from samus_command import example, programs, root, segment
from annotation_tools import skipped
from PIL import Image

# The left ventricle of the example.
click, box = (178, 105), (150, 48, 208, 140)


def cut(picture, area):
    """A part of the example, and how its places move."""
    return picture.crop(area), (area[0], area[1])


def coloured(picture):
    """The example with colours that change over it."""
    values = numpy.asarray(picture.convert("RGB")).astype(float)
    height, width, _ = values.shape
    x = numpy.linspace(0, 1, width)[None, :, None]
    y = numpy.linspace(0, 1, height)[:, None, None]
    share = numpy.concatenate(
        [numpy.broadcast_to(part, (height, width, 1)) for part in (1 - x / 2, 1 - y / 2, (x + y) / 2)],
        axis=2)
    return Image.fromarray((values * share).round().astype(numpy.uint8))


def draw(folder):
    """Writes the pictures and one prompt file; gives the pictures with their longest sides."""
    whole = Image.open(example).convert("RGB")
    parts = {
        "whole": (whole, (0, 0), 1),
        "colours": (coloured(whole), (0, 0), 1),
        "tall": (*cut(whole, (110, 10, 250, 230)), 1),
        "flat": (*cut(whole, (60, 30, 301, 163)), 1),
        "large": (whole, (0, 0), 1024 / 320),
        "large-colours": (coloured(whole), (0, 0), 1024 / 320),
        "large-tall": (*cut(whole, (110, 10, 250, 230)), 1024 / 220),
        "odd": (*cut(whole, (40, 20, 311, 199)), 4.3),
    }
    listed, sides = [], {}
    for name, (picture, (left, top), factor) in parts.items():
        if factor != 1:
            size = [round(side * factor) for side in picture.size]
            picture = picture.resize(size, Image.BICUBIC)
        file = folder / f"{name}.png"
        picture.save(file)
        sides[file] = max(picture.size)
        x, y = ((click[0] - left) * factor, (click[1] - top) * factor)
        corners = [(v - (left, top)[i % 2]) * factor for i, v in enumerate(box)]
        objects = [{"points": [[int(x), int(y)]]}, {"box": [int(v) for v in corners]}]
        listed.append({"image": file.name, "objects": objects})
    (folder / "prompts.json").write_text(json.dumps({"pictures": listed}))
    return sides


def export(checkpoint, folder, *options):
    """Runs `samus export`; gives the type that the tool's configuration states."""
    command = [programs / "samus-train", "export", checkpoint, folder, *options]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"samus export ended with {done.returncode}:\n{done.stderr}")
    return (folder / "config.yaml").read_text()


def check(script, folder, pictures, masks):
    """Runs one of the checks; gives its exit code."""
    command = [sys.executable, "-W", "ignore", root / "Tools" / "parity" / script, folder, *pictures]
    command += ["--masks", masks]
    return subprocess.run([str(part) for part in command]).returncode


def compare(checkpoint, sides, work, precision):
    """Exports one checkpoint for both tools and runs them; gives the exit codes."""
    work.mkdir()
    print(f"\n== {checkpoint}, {precision}", flush=True)
    masks = work / "masks"
    prompts = next(iter(sides)).parent / "prompts.json"
    segment(
        "--prompts", prompts, "--model", checkpoint, "--format", "png,json", "--output", masks)
    options = ["--precision", precision]
    config = export(checkpoint, work / "x-anylabeling", "--target", "x-anylabeling", *options)
    codes = [check("check_x_anylabeling.py", work / "x-anylabeling", sides, masks)]
    if "type: sam_med2d" in config:
        name = "x-anylabeling-efficientvit_sam"
        types = ["--target", "x-anylabeling", "--tool-type", "efficientvit_sam"]
        export(checkpoint, work / name, *types, *options)
        codes.append(check("check_x_anylabeling.py", work / name, sides, masks))
    config = export(checkpoint, work / "anylabeling", "--target", "anylabeling", *options)
    pictures = list(sides)
    if "LiteMedSAM" in config:
        # It feels that samexporter resizes all other pictures first (Docs/AnnotationTools.md).
        pictures = [file for file, side in sides.items() if side == 1024]
        print("AnyLabeling, LiteMedSAM: only pictures whose longest side is 1024")
    codes.append(check("check_anylabeling.py", work / "anylabeling", pictures, masks))
    return codes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="*", type=pathlib.Path, metavar="checkpoint")
    parser.add_argument("--precision", default="f32", choices=["f32", "f16-weights"])
    options = parser.parse_args()
    checkpoints = options.checkpoints
    if not checkpoints:
        checkpoints = [root / "Models" / "litemedsam-ultrasound" / "weights.safetensors"]
        print("SAMUS: skipped, no trained weights of it are in the checkout: give a checkpoint")
    codes = []
    with tempfile.TemporaryDirectory() as folder:
        pictures = pathlib.Path(folder) / "pictures"
        pictures.mkdir()
        sides = draw(pictures)
        for number, checkpoint in enumerate(checkpoints):
            work = pathlib.Path(folder) / str(number)
            codes += compare(checkpoint.resolve(), sides, work, options.precision)
    ran = [code for code in codes if code != skipped]
    sys.exit(skipped if not ran else int(any(ran)))


if __name__ == "__main__":
    main()
