#!/usr/bin/env python3
"""Compares an export for X-AnyLabeling, run by X-AnyLabeling itself, with `samus segment`.

    samus segment --object --point 160,100 --box 100,60,220,200 --format png,json \\
        --model MODEL --output MASKS PICTURE...
    check_x_anylabeling.py FOLDER PICTURE... --masks MASKS

FOLDER holds encoder.onnx, decoder.onnx and one .yaml. X-AnyLabeling's class for the file's `type`
loads them as its window does, without one (Qt's offscreen platform), reads each picture, and gets
the prompts that MASKS tells. Compared are the mask that it makes polygons of, and for information
the filled polygons at its default fineness. Exits 1 where a mask's IoU is not above 0.99, 77 when
the package x-anylabeling-cvhub is not installed.
"""
import logging
import os
import tempfile

import cv2
import numpy
from annotation_tools import compare, options, skip

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def load(path, work):
    """The model of a configuration file, as ModelManager makes it."""
    # Importing, it complains of parts that other models need.
    logging.disable(logging.ERROR)
    try:
        from anylabeling import config as settings
        from anylabeling.services.auto_labeling.model import load_model_config
        from anylabeling.services.auto_labeling.model_manager import _get_model_class
    except ImportError as error:
        skip("X-AnyLabeling (x-anylabeling-cvhub)", error)
    logging.disable(logging.NOTSET)
    # Its settings, which are the user's otherwise; it writes the file itself.
    settings.set_work_directory(work)
    settings.current_config_file = os.path.join(work, ".xanylabelingrc")
    config = load_model_config(path.read_text())
    config["config_file"] = str(path.resolve())
    return _get_model_class(config["type"])(config, on_message=print)


def filled(shapes, size):
    """What the polygons enclose."""
    canvas = numpy.zeros(size, numpy.uint8)
    outlines = [
        numpy.array([[point.x(), point.y()] for point in shape.points], numpy.int32)
        for shape in shapes
    ]
    cv2.fillPoly(canvas, outlines, 1)
    return canvas > 0


def main():
    given = options(__doc__)
    with tempfile.TemporaryDirectory() as work:
        model = load(next(given.folder.glob("*.yaml")), work)
        from PyQt6.QtGui import QImage

        seen, process = [], model.post_process

        def watched(masks, *rest):
            seen.append(numpy.array(masks > 0))
            return process(masks, *rest)

        model.post_process = watched

        def segment(picture, marks):
            seen.clear()
            model.set_auto_labeling_marks(marks)
            shapes = model.predict_shapes(QImage(str(picture)), str(picture)).shapes
            if not seen:  # it has printed why
                return numpy.zeros((0, 0), bool), ""
            outline = filled(shapes, seen[0].shape)
            union = max(1, int((outline | seen[0]).sum()))
            return seen[0], f"  its polygons {int((outline & seen[0]).sum()) / union:.3f}"

        compare(given, segment)


if __name__ == "__main__":
    main()
