"""Non-maximum suppression in NumPy, so that it can be tested without PyTorch."""

import numpy


def box_areas(boxes):
    """Areas of boxes (x0, y0, x1, y1): `[N, 4]` to `[N]`."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def nms(boxes, scores, threshold):
    """Suppresses boxes whose IoU with a better box is above the threshold.

    boxes: float32 `[N, 4]`; scores: float32 `[N]`, ties go to the first box.
    Returns the indices of the remaining boxes, best first.
    """
    order = numpy.argsort(-scores, kind="stable")
    boxes = boxes[order]
    areas = box_areas(boxes)
    suppressed = numpy.zeros(len(boxes), bool)
    remaining = []
    # Boxes without area have an IoU of 0 / 0, which is not above any threshold.
    with numpy.errstate(invalid="ignore"):
        for i in range(len(boxes)):
            if suppressed[i]:
                continue
            remaining.append(i)
            low = numpy.maximum(boxes[i, :2], boxes[i + 1 :, :2])
            high = numpy.minimum(boxes[i, 2:], boxes[i + 1 :, 2:])
            intersections = (high - low).clip(min=0).prod(axis=1)
            # torchvision computes the IoU in single precision, and compares it in double precision.
            iou = intersections / (areas[i] + areas[i + 1 :] - intersections)
            suppressed[i + 1 :] |= iou.astype(numpy.float64) > threshold
    return order[numpy.array(remaining, numpy.int64)]
