"""The operators on boxes that segment-anything's automatic mask generation uses."""

import torch

from .suppression import box_areas, nms


def box_area(boxes):
    """Areas of boxes (x0, y0, x1, y1): `[N, 4]` to `[N]`."""
    return box_areas(boxes)


def batched_nms(boxes, scores, idxs, iou_threshold):
    """Indices of the boxes that remain after suppression, best first; all boxes are of one class."""
    if idxs.any():
        raise NotImplementedError("this replacement for torchvision supports one class only")
    remaining = nms(boxes.float().numpy(), scores.float().numpy(), iou_threshold)
    return torch.from_numpy(remaining)
