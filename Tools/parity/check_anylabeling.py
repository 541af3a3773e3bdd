#!/usr/bin/env python3
"""Compares an export for AnyLabeling, run by samexporter, with `samus segment`.

    samus segment --object --point 160,100 --box 100,60,220,200 --format png,json \\
        --model MODEL --output MASKS IMAGE...
    check_anylabeling.py FOLDER IMAGE... --masks MASKS

FOLDER has encoder.onnx and decoder.onnx. The package samexporter, which makes and tests AnyLabeling's
own models, runs them with the prompts that are recorded in MASKS. Exits with 1 where a mask's IoU is
not above 0.99, and with 77 when samexporter is not installed (Tools/setup-annotation-tools).
"""

import cv2
from annotation_tools import compare, parse_options, skip


def main():
    options = parse_options(__doc__)
    try:
        from samexporter.sam_onnx import SegmentAnythingONNX
    except ImportError as error:
        skip("samexporter", error)
    files = [str(options.folder / f"{part}.onnx") for part in ("encoder", "decoder")]
    model = SegmentAnythingONNX(*files, providers="cpu")

    def segment(image, marks):
        embedding = model.encode(cv2.imread(str(image)))
        return model.predict_masks(embedding, marks)[0, 0] > 0, ""

    compare(options, segment)


if __name__ == "__main__":
    main()
