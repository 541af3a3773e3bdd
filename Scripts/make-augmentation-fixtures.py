#!/usr/bin/env python3
"""Makes Tests/Fixtures/augmentation: small pictures, and what numpy and Pillow make of them.

Needs numpy and pillow 13. The operations are those that the authors' recipe reaches through
torchvision's functions on Pillow pictures; every number comes from the seed below, and no picture
of a patient is involved. Run from the package's root:

    python3 Scripts/make-augmentation-fixtures.py
"""

import base64
import json
import pathlib

import numpy as np
import PIL
from PIL import Image, ImageEnhance

SEED = 20240608
FOLDER = pathlib.Path("Tests/Fixtures/augmentation")
FOLDER.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(SEED)


def text(picture):
    return base64.b64encode(np.ascontiguousarray(np.array(picture)).tobytes()).decode()


def synthetic(height, width, top=255):
    """Waves and a disc, and a label of three values."""
    y, x = np.mgrid[0:height, 0:width]
    wave = (np.sin(x / 7) + np.cos(y / 5) + 2) / 4 * top
    disc = ((x - width / 2.3) / (width / 3)) ** 2 + ((y - height / 1.8) / (height / 4)) ** 2
    image = np.where(disc < 1, wave * 0.4, wave).astype(np.uint8)
    label = (disc < 1).astype(np.uint8) + (disc < 0.4)
    return Image.fromarray(image), Image.fromarray(label.astype(np.uint8))


def adjusted(image, gamma):
    levels = np.power(np.array(image) / 255, 1.0 / gamma) * 255
    return Image.fromarray(levels.astype(np.uint8))


def contrasted(image, factor):
    return ImageEnhance.Contrast(image).enhance(factor)


def scaled(image, side, x, y, how):
    return image.resize((side, side), how).crop((x, y, x + 256, y + 256))


def described(image, **more):
    return {"width": image.width, "height": image.height, "pixels": text(image), **more}


every = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
gammas = [{"gamma": g / 10, "result": text(adjusted(every, g / 10))} for g in range(10, 25)]

rotations = []
for (height, width), angles in [((37, 48), 6), ((64, 33), 6), ((5, 5), 3), ((41, 41), 3)]:
    image, label = synthetic(height, width)
    for angle in [0.0, *random.uniform(-30, 30, angles)]:
        rotations.append(described(
            image, angle=float(angle), label=text(label),
            result=text(image.rotate(angle)), resultLabel=text(label.rotate(angle))))

contrasts = []
for top in (255, 90):
    image, _ = synthetic(23, 31, top)
    for factor in [0.8, 1.0, 2.0, *random.uniform(0.8, 2.0, 6)]:
        contrasts.append(described(
            image, factor=float(factor), result=text(contrasted(image, factor))))

# All steps one after the other.
chains = []
for number, (height, width) in enumerate([(180, 300), (270, 150)]):
    image, label = synthetic(height, width)
    gamma, angle, factor = 1.7, float(random.uniform(-30, 30)), float(random.uniform(0.8, 2))
    side = int(256 * random.uniform(1, 1.3))
    x, y = (int(random.integers(0, side - 256 + 1)) for _ in "xy")
    image.save(FOLDER / f"chain{number}-image.png", optimize=True)
    label.save(FOLDER / f"chain{number}-label.png", optimize=True)
    image, label = adjusted(image, gamma).rotate(angle), label.rotate(angle)
    image = contrasted(scaled(image, side, x, y, Image.Resampling.BILINEAR), factor)
    label = scaled(label, side, x, y, Image.Resampling.NEAREST)
    image.save(FOLDER / f"chain{number}-result.png", optimize=True)
    label.save(FOLDER / f"chain{number}-result-label.png", optimize=True)
    chains.append({"gamma": gamma, "angle": angle, "side": side, "x": x, "y": y, "factor": factor})

document = {
    "seed": SEED, "versions": {"pillow": PIL.__version__, "numpy": np.__version__},
    "levels": text(every), "gammas": gammas, "rotations": rotations, "contrasts": contrasts,
    "chains": chains,
}
(FOLDER / "expected.json").write_text(json.dumps(document, indent=1) + "\n")
print(sum(f.stat().st_size for f in FOLDER.iterdir()), "bytes")
