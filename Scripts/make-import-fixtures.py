#!/usr/bin/env python3
"""Makes Tests/Fixtures/importing: small NIfTI files, polygons and outlines, and what nibabel,
Pillow, OpenCV and pycocotools make of them; a JPEG picture with its mask.

Needs numpy, nibabel, pillow, opencv-python-headless, pycocotools. Every number comes from the seed
below; no picture of a patient is involved. Run from the package's root:

    python3 Scripts/make-import-fixtures.py
"""

import base64
import gzip
import json
import pathlib

import cv2
import nibabel
import numpy as np
import pycocotools.mask
from PIL import Image, ImageDraw

SEED = 20240611
FOLDER = pathlib.Path("Tests/Fixtures/importing")
random = np.random.default_rng(SEED)


def text(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def save(name, array, header_changes=lambda header: None, spacing=(0.3, 0.15)):
    """Writes a NIfTI file as nibabel does, and gives its values as nibabel reads them."""
    image = nibabel.Nifti1Image(array, np.diag([-spacing[0], -spacing[1], 1, 1]), dtype=array.dtype)
    image.header.set_zooms(spacing + (1.0,) * (array.ndim - 2))
    image.header.set_xyzt_units("mm")
    header_changes(image.header)
    path = FOLDER / name
    raw = image.to_bytes()
    # Without a time in gzip's header, so that the file is the same in every run.
    path.write_bytes(gzip.compress(raw, mtime=0) if name.endswith("gz") else raw)
    read = nibabel.load(path)
    # x runs fastest in the file: transposed, a picture's rows follow one another.
    values = np.asarray(read.get_fdata(), dtype="<f8")
    zooms = [float(str(zoom)) for zoom in read.header.get_zooms()[:2]]
    return {
        "file": name,
        "width": read.shape[0],
        "height": read.shape[1],
        "frames": int(np.prod(read.shape[2:])),
        "spacing": zooms,
        "values": text(values.T),
    }


def nifti():
    cases = []
    shape = (7, 5)
    for kind in ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]:
        if kind[0] == "f":
            array = random.normal(0, 1000, shape).astype(kind)
        else:
            limits = np.iinfo(kind)
            array = random.integers(
                max(limits.min, -(2**50)), min(limits.max, 2**50), shape).astype(kind)
        cases.append(save(f"{kind}.nii", array))
    big = nibabel.Nifti1Image(random.integers(0, 255, shape).astype(">i2"), np.eye(4))
    swapped = nibabel.Nifti1Image(
        np.asarray(big.dataobj), np.eye(4), nibabel.Nifti1Header(endianness=">"))
    (FOLDER / "big-endian.nii").write_bytes(swapped.to_bytes())
    read = nibabel.load(FOLDER / "big-endian.nii")
    assert read.header.endianness == ">"
    cases.append({
        "file": "big-endian.nii", "width": 7, "height": 5, "frames": 1, "spacing": [1.0, 1.0],
        "values": text(np.asarray(read.get_fdata(), dtype="<f8").T)})

    def scaled(header):
        header.set_slope_inter(0.5, -3)

    cases.append(save("scaled.nii.gz", random.integers(0, 200, shape).astype("u1"), scaled))

    def micrometres(header):
        header.set_xyzt_units("micron")

    case = save("micron.nii.gz", random.integers(0, 200, shape).astype("u1"), micrometres,
                spacing=(300.0, 150.0))
    case["spacing"] = [0.3, 0.15]
    cases.append(case)
    # As CAMUS stores them: a frame, its label, a sequence and its labels.
    frames = random.integers(0, 256, (12, 9, 4)).astype("u1")
    labels = random.integers(0, 4, (12, 9, 4)).astype("u1")
    for name, array in [
        ("frame.nii.gz", frames[..., 0]), ("frame_gt.nii.gz", labels[..., 0]),
        ("sequence.nii.gz", frames), ("sequence_gt.nii.gz", labels),
    ]:
        cases.append(save(name, array))
    (FOLDER / "bomb-piece.gz").write_bytes(gzip.compress(bytes(1 << 16), mtime=0))
    return cases


def polygons():
    cases = []
    shapes = [
        ("square", [(3, 4), (20, 4), (20, 15), (3, 15)]),
        ("triangle", [(2.5, 1.25), (30.75, 8.5), (11, 25)]),
        ("outside", [(-10, -5), (50, 10), (15, 60)]),
        ("star", [(20, 2), (26, 22), (6, 9), (34, 9), (13, 23)]),
        ("thin", [(1, 1), (38, 1.4), (38, 1.6)]),
    ]
    angles = np.sort(random.uniform(0, 2 * np.pi, 40))
    radii = random.uniform(6, 12, 40)
    shapes.append(
        ("blob", [(20 + r * np.cos(a), 14 + r * np.sin(a)) for a, r in zip(angles, radii)]))
    for name, points in shapes:
        width, height = 40, 28
        pillow = Image.new("L", (width, height))
        ImageDraw.Draw(pillow).polygon([tuple(p) for p in points], fill=1, outline=1)
        opencv = np.zeros((height, width), np.uint8)
        cv2.fillPoly(opencv, [np.rint(points).astype(np.int32)], 1)
        # COCO counts from the corner of the first pixel, the others from its centre.
        flat = [float(value) for point in points for value in point]
        coco = pycocotools.mask.decode(
            pycocotools.mask.frPyObjects([flat], height, width))[..., 0]
        cases.append({
            "name": name, "width": width, "height": height,
            "points": [[float(x), float(y)] for x, y in points],
            "pillow": text(np.asarray(pillow)), "opencv": text(opencv), "coco": text(coco),
        })
    return cases


def outlines():
    cases = []
    for name, centre, axes in [
        ("whole", (30, 20), (20, 12)), ("cut above", (30, 8), (20, 12)),
        ("cut on two sides", (30, 20), (36, 12)), ("touching", (30, 12), (20, 12)),
    ]:
        outline = np.zeros((41, 61), np.uint8)
        cv2.ellipse(outline, centre, axes, 0, 0, 360, 1, 1)
        disc = np.zeros_like(outline)
        cv2.ellipse(disc, centre, axes, 0, 0, 360, 1, -1)
        disc |= outline
        padded = np.pad(1 - outline, 1, constant_values=1)
        # From outside: OpenCV's flood reaches neighbours at the sides only.
        cv2.floodFill(padded, None, (0, 0), 2, flags=4)
        holes = (padded[1:-1, 1:-1] != 2).astype(np.uint8)
        cases.append({
            "name": name, "width": 61, "height": 41, "outline": text(outline),
            "disc": text(disc), "holes": text(holes)})
    return cases


def jpegs():
    y, x = np.mgrid[0:24, 0:32]
    picture = (128 + 60 * np.sin(x / 3) + 40 * np.cos(y / 4)).astype(np.uint8)
    mask = (((x - 15) ** 2 + (y - 11) ** 2) < 60).astype(np.uint8)
    Image.fromarray(picture).save(FOLDER / "image.jpg", quality=90)
    Image.fromarray(mask * 255).save(FOLDER / "mask.jpg", quality=60)
    decoded = np.asarray(Image.open(FOLDER / "mask.jpg"))
    assert len(np.unique(decoded)) > 2, "JPEG has blurred it"
    return {"width": 32, "height": 24, "mask": text(mask)}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    expected = {
        "nifti": nifti(), "polygons": polygons(), "outlines": outlines(), "jpeg": jpegs()}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
