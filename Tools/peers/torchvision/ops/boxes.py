"""What segment-anything's automatic masks ask of boxes (x0, y0, x1, y1)."""

import torch


def box_area(boxes):
    """The area of each."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def batched_nms(boxes, scores, idxs, iou_threshold):
    """The places of the boxes that no better one covers, best first; boxes of one class only."""
    if idxs.any():
        raise NotImplementedError("this stand-in for torchvision knows one class only")
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order]
    areas = box_area(boxes)
    gone = torch.zeros(len(boxes), dtype=torch.bool)
    kept = []
    for i in range(len(boxes)):
        if gone[i]:
            continue
        kept.append(i)
        low = torch.maximum(boxes[i, :2], boxes[i + 1 :, :2])
        high = torch.minimum(boxes[i, 2:], boxes[i + 1 :, 2:])
        both = (high - low).clamp(min=0).prod(dim=1)
        # In single precision, but compared with a threshold in double precision.
        overlap = both / (areas[i] + areas[i + 1 :] - both)
        gone[i + 1 :] |= overlap.double() > iou_threshold
    return order[torch.tensor(kept, dtype=torch.long)]
