"""Exports for X-AnyLabeling and AnyLabeling, run by these tools, against `samus segment`.

    make annotation-tools [CHECKPOINTS="FILE..."]

The default checkpoint is samus-lite. The images are the example and crops, enlargements and
coloured versions of it, none of them square, each with a click and a box. The tools run in processes of
their own: check_x_anylabeling.py and check_anylabeling.py.
"""

import json
import subprocess
import sys

import numpy
import pytest
from annotation_tools import SKIPPED
from PIL import Image
from samus_command import EXAMPLE, ROOT, run, segment

# A click and a box for the left ventricle of the example.
CLICK, BOX = (178, 105), (150, 48, 208, 140)
DEFAULT = ROOT / "Models" / "samus-lite.samus" / "weights.safetensors"


def add_colours(image):
    """The example with colours that change over it."""
    values = numpy.asarray(image.convert("RGB")).astype(float)
    height, width, _ = values.shape
    x = numpy.linspace(0, 1, width)[None, :, None]
    y = numpy.linspace(0, 1, height)[:, None, None]
    factors = numpy.concatenate([
        numpy.broadcast_to(part, (height, width, 1)) for part in (1 - x / 2, 1 - y / 2, (x + y) / 2)
    ], axis=2)
    return Image.fromarray((values * factors).round().astype(numpy.uint8))


def write_images(folder):
    """Writes the images and a prompt file; returns the longest side of each image."""
    whole = Image.open(EXAMPLE).convert("RGB")
    # The image, the part of it that is used, and the enlargement.
    versions = {
        "whole": (whole, None, 1),
        "colours": (add_colours(whole), None, 1),
        "tall": (whole, (110, 10, 250, 230), 1),
        "flat": (whole, (60, 30, 301, 163), 1),
        "large": (whole, None, 1024 / 320),
        "large-colours": (add_colours(whole), None, 1024 / 320),
        "large-tall": (whole, (110, 10, 250, 230), 1024 / 220),
        "odd": (whole, (40, 20, 311, 199), 4.3),
    }
    images, longest_sides = [], {}
    for name, (image, part, factor) in versions.items():
        left, top = part[:2] if part else (0, 0)
        image = image.crop(part) if part else image
        if factor != 1:
            size = [round(side * factor) for side in image.size]
            image = image.resize(size, Image.BICUBIC)
        file = folder / f"{name}.png"
        image.save(file)
        longest_sides[file] = max(image.size)
        click = [int((CLICK[0] - left) * factor), int((CLICK[1] - top) * factor)]
        box = [int((value - (left, top)[i % 2]) * factor) for i, value in enumerate(BOX)]
        images.append({"image": file.name, "objects": [{"points": [click]}, {"box": box}]})
    (folder / "prompts.json").write_text(json.dumps({"images": images}))
    return longest_sides


def export(checkpoint, folder, *options):
    """Runs `samus-train export`; returns the tool's configuration file."""
    run("samus-train", "export", checkpoint, folder, *options)
    return (folder / "config.yaml").read_text()


def check(script, folder, images, masks):
    """Runs one of the checks; returns its exit code."""
    command = [
        sys.executable, "-W", "ignore", ROOT / "Tools" / "parity" / script, folder, *images,
        "--masks", masks]
    return subprocess.run([str(part) for part in command]).returncode


def pytest_generate_tests(metafunc):
    if "checkpoint" in metafunc.fixturenames:
        checkpoints = metafunc.config.getoption("--checkpoint") or [DEFAULT]
        metafunc.parametrize(
            "checkpoint", [file.resolve() for file in checkpoints], ids=lambda file: file.stem)


def test_masks(checkpoint, request, tmp_path):
    """Every IoU is above 0.99 in every tool that is installed."""
    precision = ["--precision", request.config.getoption("--precision")]
    folder = tmp_path / "images"
    folder.mkdir()
    longest_sides = write_images(folder)
    masks = tmp_path / "masks"
    segment(
        "--prompts", folder / "prompts.json", "--model", checkpoint, "--format", "png,json",
        "--output", masks)
    print()
    codes = {}
    x_anylabeling = ["--target", "x-anylabeling", *precision]
    config = export(checkpoint, tmp_path / "x-anylabeling", *x_anylabeling)
    codes["X-AnyLabeling"] = check(
        "check_x_anylabeling.py", tmp_path / "x-anylabeling", longest_sides, masks)
    if "type: sam_med2d" in config:
        other = tmp_path / "x-anylabeling-efficientvit_sam"
        export(checkpoint, other, *x_anylabeling, "--tool-type", "efficientvit_sam")
        codes["X-AnyLabeling as efficientvit_sam"] = check(
            "check_x_anylabeling.py", other, longest_sides, masks)
    config = export(checkpoint, tmp_path / "anylabeling", "--target", "anylabeling", *precision)
    images = list(longest_sides)
    if "LiteMedSAM" in config:
        # samexporter resizes other images first, which changes the masks (Docs/AnnotationTools.md).
        images = [file for file, side in longest_sides.items() if side == 1024]
        print("AnyLabeling with LiteMedSAM: only images whose longest side is 1024 pixels")
    codes["AnyLabeling"] = check("check_anylabeling.py", tmp_path / "anylabeling", images, masks)
    if all(code == SKIPPED for code in codes.values()):
        pytest.skip("no annotation tool is installed: make annotation-tools")
    assert all(code in (0, SKIPPED) for code in codes.values()), codes
