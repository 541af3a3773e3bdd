#!/usr/bin/env python3
"""Writes Examples/echo-a4c-frame10.golden.json: the mask that LiteMedSAM's Python program made.

The mask comes from ../shared/golden/litemedsam, and is coded by pycocotools as a COCO run length.

Needs: pip install numpy pillow pycocotools
"""
import json
import pathlib

import numpy
from PIL import Image
from pycocotools import mask

root = pathlib.Path(__file__).resolve().parent.parent
golden = root.parent / "shared" / "golden" / "litemedsam" / "echo-a4c-frame10-mask.png"
pixels = numpy.asarray(Image.open(golden)) > 0
coded = mask.encode(numpy.asfortranarray(pixels.astype(numpy.uint8)))
target = root / "Examples" / "echo-a4c-frame10.golden.json"
target.write_text(
    json.dumps({"size": coded["size"], "counts": coded["counts"].decode("ascii")}) + "\n"
)
print(f"{target.name}: {int(pixels.sum())} pixels")
