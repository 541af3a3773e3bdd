"""SAMUS in Python behind the interface of segment-anything's SamPredictor.

The network is Benchmarks/peers/samus_network.py; picture, clicks and masks go through it as in the authors'
program: OpenCV's grey, Pillow's bilinear resizing to the input's square, 0..1; clicks scaled along
each side; logits enlarged bilinearly to the input and then to the picture.
"""
import sys
from types import SimpleNamespace

import cv2
import numpy
import torch
import torch.nn.functional as F
from samus_command import root
from PIL import Image

sys.path.insert(0, str(root / "Benchmarks/peers"))

from samus_network import SAMUS, VIT_B  # noqa: E402


class SamusPredictor:
    """As much of SamPredictor as SamAutomaticMaskGenerator uses, and `predict`; a ViT-B."""

    device = torch.device("cpu")

    def __init__(self):
        self.model, self.side = SAMUS(VIT_B), VIT_B["image_size"]
        # The generator asks SAM for these.
        self.model.mask_threshold, self.model.image_encoder.img_size = 0.0, self.side
        self.transform = SimpleNamespace(apply_coords=self.inside)

    @staticmethod
    def read(file):
        """A picture's grey, three times: the generator cuts crops out of three channels."""
        grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        return numpy.repeat(grey[..., None], 3, axis=2)

    @torch.no_grad()
    def set_image(self, image):
        self.size = image.shape[:2]
        grey = Image.fromarray(numpy.ascontiguousarray(image[..., 0]))
        grey = numpy.asarray(grey.resize((self.side, self.side), Image.Resampling.BILINEAR))
        picture = torch.from_numpy(grey.copy()).float()[None, None] / 255
        self.features = self.model.image_encoder(picture)

    def reset_image(self):
        self.features = None

    def inside(self, points, size):
        """Places of a picture as places of the input."""
        return points * numpy.array([self.side / size[1], self.side / size[0]])

    @torch.no_grad()
    def predict_torch(
        self, points, labels, boxes=None, multimask_output=True, return_logits=False
    ):
        places = {"points": points, "labels": labels, "boxes": boxes}
        places = {key: value.float() for key, value in places.items() if value is not None}
        logits, iou = self.model.answer(self.features, multimask=multimask_output, **places)
        masks = F.interpolate(logits, (self.side, self.side), mode="bilinear")
        masks = F.interpolate(masks, self.size, mode="bilinear")
        return masks if return_logits else masks > 0, iou, logits

    def predict(self, point_coords=None, point_labels=None, box=None, multimask_output=True):
        points = labels = boxes = None
        if point_coords is not None:
            points = torch.from_numpy(self.inside(point_coords, self.size))[None]
            labels = torch.from_numpy(point_labels)[None]
        if box is not None:
            corners = self.inside(box.reshape(2, 2), self.size)
            boxes = torch.from_numpy(corners.reshape(1, 4))
        answer = self.predict_torch(points, labels, boxes, multimask_output)
        return tuple(value[0].numpy() for value in answer)
