#!/usr/bin/env python3
"""Compares an export for X-AnyLabeling, run by X-AnyLabeling itself, with `samus segment`.

    samus segment --object --point 160,100 --box 100,60,220,200 --format png,json \\
        --model MODEL --output MASKS IMAGE...
    check_x_anylabeling.py FOLDER IMAGE... --masks MASKS

FOLDER has encoder.onnx, decoder.onnx and one .yaml. X-AnyLabeling loads them as its window does, but
without a window (Qt's offscreen platform), and gets the prompts that are recorded in MASKS. The check
compares the mask before X-AnyLabeling turns it into polygons, and prints the IoU of the filled polygons
for information. Exits with 1 where a mask's IoU is not above 0.99, and with 77 when the package
x-anylabeling-cvhub is not installed (Tools/setup-annotation-tools).
"""

import logging
import os
import tempfile

import cv2
import numpy
from annotation_tools import compare, parse_options, skip

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def load(path, work):
    """Loads the model of a configuration file as X-AnyLabeling's ModelManager does."""
    # While importing it logs errors about packages that only other models need.
    logging.disable(logging.ERROR)
    try:
        from anylabeling import config as settings
        from anylabeling.services.auto_labeling.model import load_model_config
        from anylabeling.services.auto_labeling.model_manager import _get_model_class
    except ImportError as error:
        skip("X-AnyLabeling (x-anylabeling-cvhub)", error)
    logging.disable(logging.NOTSET)
    # Settings of its own instead of the user's; X-AnyLabeling writes the file.
    settings.set_work_directory(work)
    settings.current_config_file = os.path.join(work, ".xanylabelingrc")
    config = load_model_config(path.read_text())
    config["config_file"] = str(path.resolve())
    return _get_model_class(config["type"])(config, on_message=print)


def fill_polygons(shapes, size):
    """The mask of the pixels inside the polygons."""
    canvas = numpy.zeros(size, numpy.uint8)
    outlines = [
        numpy.array([[point.x(), point.y()] for point in shape.points], numpy.int32)
        for shape in shapes
    ]
    cv2.fillPoly(canvas, outlines, 1)
    return canvas > 0


def main():
    options = parse_options(__doc__)
    with tempfile.TemporaryDirectory() as work:
        model = load(next(options.folder.glob("*.yaml")), work)
        from PyQt6.QtGui import QImage

        masks, post_process = [], model.post_process

        def record_mask(logits, *rest):
            masks.append(numpy.array(logits > 0))
            return post_process(logits, *rest)

        model.post_process = record_mask

        def segment(image, marks):
            masks.clear()
            model.set_auto_labeling_marks(marks)
            shapes = model.predict_shapes(QImage(str(image)), str(image)).shapes
            if not masks:  # X-AnyLabeling has printed the reason
                return numpy.zeros((0, 0), bool), ""
            outline = fill_polygons(shapes, masks[0].shape)
            union = max(1, int((outline | masks[0]).sum()))
            return masks[0], f"  its polygons {int((outline & masks[0]).sum()) / union:.3f}"

        compare(options, segment)


if __name__ == "__main__":
    main()
