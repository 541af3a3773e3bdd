#!/usr/bin/env python3
"""Compares an export for AnyLabeling, run by samexporter's inference, with `samus segment`.

    samus segment --object --point 160,100 --box 100,60,220,200 --format png,json \\
        --model MODEL --output MASKS PICTURE...
    check_anylabeling.py FOLDER PICTURE... --masks MASKS

FOLDER holds encoder.onnx and decoder.onnx. The package samexporter, with which AnyLabeling's own
models are made and tried, reads them and gets the prompts that MASKS tells. Exits 1 where a mask's
IoU is not above 0.99, 77 when samexporter is not installed.
"""
import cv2
from annotation_tools import compare, options, skip


def main():
    given = options(__doc__)
    try:
        from samexporter.sam_onnx import SegmentAnythingONNX
    except ImportError as error:
        skip("samexporter", error)
    files = [str(given.folder / f"{part}.onnx") for part in ("encoder", "decoder")]
    model = SegmentAnythingONNX(*files, providers="cpu")

    def segment(picture, marks):
        embedding = model.encode(cv2.imread(str(picture)))
        return model.predict_masks(embedding, marks)[0, 0] > 0, ""

    compare(given, segment)


if __name__ == "__main__":
    main()
