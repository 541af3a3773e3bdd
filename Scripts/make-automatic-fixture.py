#!/usr/bin/env python3
"""Makes Tests/Fixtures/automatic: a drawn picture, and the masks that segment-anything finds in it.

SamAutomaticMaskGenerator of segment-anything 1.0 runs as it is; only the network under it is
replaced, by a formula that needs no weights: `AnalyticNetwork` below, and the same in Swift in
Tests/SegmentationTests/AnalyticEngine.swift. Run from the package's root, after `make peers`:

    .deps/peers/bin/python Scripts/make-automatic-fixture.py
"""

import json
import pathlib
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image
from segment_anything import SamAutomaticMaskGenerator
from segment_anything.modeling import Sam
from segment_anything.utils.transforms import ResizeLongestSide

FOLDER = pathlib.Path("Tests/Fixtures/automatic")
INPUT, SIDE = 256, 64
RADII, TOLERANCES = (14.0, 26.0, 48.0), (30.0, 44.0, 64.0)


def picture(height=90, width=120):
    """Ellipses of several greys, with noise that leaves holes and islands."""
    y, x = np.mgrid[0:height, 0:width]
    grey = np.full((height, width), 40)
    ellipses = [
        (30, 25, 18, 12, 150), (84, 30, 22, 16, 200), (60, 66, 30, 14, 110), (84, 30, 9, 6, 90),
        (14, 70, 8, 9, 220), (104, 74, 7, 7, 170), (57, 14, 4, 5, 240), (52, 66, 6, 5, 190),
    ]
    for cx, cy, rx, ry, level in ellipses:
        grey[((x - cx) * ry) ** 2 + ((y - cy) * rx) ** 2 < (rx * ry) ** 2] = level
    noise = (np.arange(height * width, dtype=np.uint64) * 2654435761 + 12345) % 4294967296
    noise = (noise ^ (noise >> 15)) * 2246822519 % 4294967296 >> 20
    noise = noise.astype(np.int64).reshape(height, width)
    grey = grey + noise % 23 - 11 + np.where(noise % 37 == 0, 60, 0)
    return np.clip(grey, 0, 255).astype(np.uint8)


class AnalyticNetwork:
    """The part of SamPredictor that the generator uses, with a formula for a network.

    A logit is high where the picture's grey is that at the click, and falls with the distance
    from it. Only sums, products and quotients in double precision, so that any language agrees.
    """

    device = torch.device("cpu")
    model = SimpleNamespace(mask_threshold=0.0, image_encoder=SimpleNamespace(img_size=INPUT))
    # Clicks stay in pixels of the crop.
    transform = SimpleNamespace(apply_coords=lambda points, size: points)

    def set_image(self, image):
        self.size = image.shape[:2]
        height, width = self.size
        scale = INPUT / max(height, width)
        self.centers = (np.arange(SIDE) + 0.5) * (INPUT / SIDE) / scale
        rows = np.minimum(self.centers.astype(int), height - 1)
        columns = np.minimum(self.centers.astype(int), width - 1)
        self.grey = image[..., 0].astype(np.float64)
        self.cells = self.grey[rows][:, columns]

    def reset_image(self):
        pass

    def predict_torch(self, points, labels, multimask_output, return_logits):
        assert multimask_output and return_logits and bool((labels == 1).all())
        answers = [self.answer(x, y) for x, y in points[:, 0].numpy()]
        logits = torch.from_numpy(np.stack([a for a, _ in answers]))
        resized = ResizeLongestSide.get_preprocess_shape(*self.size, INPUT)
        masks = Sam.postprocess_masks(self.model, logits, resized, self.size)
        return masks, torch.tensor([b for _, b in answers], dtype=torch.float32), logits

    def answer(self, x, y):
        reference = self.grey[
            min(int(y), self.size[0] - 1), min(int(x), self.size[1] - 1)]
        logits = []
        estimates = []
        for k, (radius, tolerance) in enumerate(zip(RADII, TOLERANCES)):
            dx, dy = self.centers[None, :] - x, self.centers[:, None] - y
            distance = (dx * dx + dy * dy) / (radius * radius)
            likeness = 1.03 - np.abs(self.cells - reference) / tolerance
            logits.append(np.maximum(6.0 * likeness - 2.0 * distance, -20.0).astype(np.float32))
            estimate = 0.97 - 0.04 * k - abs(reference - 150.0) / 1000.0
            # Few different values, so that many masks tie.
            estimates.append(np.floor(estimate * 64.0) / 64.0)
        return np.stack(logits), estimates


CASES = {
    "dense": dict(points_per_side=16, pred_iou_thresh=0.86, stability_score_thresh=0.75),
    "grid-8": dict(points_per_side=8, pred_iou_thresh=0.84, stability_score_thresh=0.6),
    "all": dict(
        points_per_side=5, points_per_batch=7, pred_iou_thresh=0.0, stability_score_thresh=0.0,
        box_nms_thresh=1.0),
    "crops": dict(
        points_per_side=8, pred_iou_thresh=0.8, stability_score_thresh=0.5, crop_n_layers=1),
    "deep-crops": dict(
        points_per_side=12, points_per_batch=50, pred_iou_thresh=0.8, stability_score_thresh=0.5,
        crop_n_layers=2, crop_n_points_downscale_factor=2, crop_overlap_ratio=0.5,
        crop_nms_thresh=0.5, box_nms_thresh=0.6),
    "regions": dict(
        points_per_side=8, pred_iou_thresh=0.8, stability_score_thresh=0.5,
        min_mask_region_area=30),
    "crops-and-regions": dict(
        points_per_side=8, pred_iou_thresh=0.8, stability_score_thresh=0.5,
        stability_score_offset=0.5, crop_n_layers=1, min_mask_region_area=300),
    "nothing": dict(points_per_side=4, pred_iou_thresh=1.0),
}


def masks(image, options):
    generator = SamAutomaticMaskGenerator(AnalyticNetwork.model, output_mode="coco_rle", **options)
    generator.predictor = AnalyticNetwork()
    return generator.generate(image)


grey = picture()
FOLDER.mkdir(parents=True, exist_ok=True)
Image.fromarray(grey).save(FOLDER / "image.png")
image = np.repeat(grey[..., None], 3, axis=2)
cases = []
for name, options in CASES.items():
    found = masks(image, options)
    print(f"{name}: {len(found)} masks")
    cases.append({"name": name, "options": options, "masks": found})
target = FOLDER / "expected.json"
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
target.write_text(f'{{"made_by":"segment-anything 1.0","cases":[\n{lines}\n]}}\n')
print(f"{target.name}: {target.stat().st_size} bytes")
