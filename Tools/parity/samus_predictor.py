"""SAMUS in Python with the interface of segment-anything's SamPredictor.

The network is Benchmarks/peers/samus_network.py. Preprocessing and postprocessing are those of the authors'
program: grey levels by OpenCV, bilinear resizing to the square input by Pillow, values in 0..1,
clicks scaled along each side, logits resized bilinearly to the input and then to the image.
"""

from types import SimpleNamespace

import cv2
import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from samus_network import SAMUS, VIT_B


class SamusPredictor:
    """`predict`, and the part of SamPredictor that SamAutomaticMaskGenerator uses, with a ViT-B."""

    device = torch.device("cpu")

    def __init__(self):
        self.model, self.side = SAMUS(VIT_B), VIT_B["image_size"]
        # Attributes of SAM that the generator reads.
        self.model.mask_threshold, self.model.image_encoder.img_size = 0.0, self.side
        self.transform = SimpleNamespace(apply_coords=self.apply_coords)

    @staticmethod
    def read(file):
        """The grey levels of an image in three channels, which the generator needs for crops."""
        grey = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        return numpy.repeat(grey[..., None], 3, axis=2)

    @torch.no_grad()
    def set_image(self, image):
        self.size = image.shape[:2]
        grey = Image.fromarray(numpy.ascontiguousarray(image[..., 0]))
        grey = numpy.asarray(grey.resize((self.side, self.side), Image.Resampling.BILINEAR))
        inputs = torch.from_numpy(grey.copy()).float()[None, None] / 255
        self.features = self.model.image_encoder(inputs)

    def reset_image(self):
        self.features = None

    def apply_coords(self, points, size):
        """Converts points from pixels of an image of this size to pixels of the input."""
        return points * numpy.array([self.side / size[1], self.side / size[0]])

    @torch.no_grad()
    def predict_torch(
        self, points, labels, boxes=None, multimask_output=True, return_logits=False
    ):
        prompts = {"points": points, "labels": labels, "boxes": boxes}
        prompts = {key: value.float() for key, value in prompts.items() if value is not None}
        logits, iou = self.model.answer(self.features, multimask=multimask_output, **prompts)
        masks = F.interpolate(logits, (self.side, self.side), mode="bilinear")
        masks = F.interpolate(masks, self.size, mode="bilinear")
        return masks if return_logits else masks > 0, iou, logits

    def predict(self, point_coords=None, point_labels=None, box=None, multimask_output=True):
        points = labels = boxes = None
        if point_coords is not None:
            points = torch.from_numpy(self.apply_coords(point_coords, self.size))[None]
            labels = torch.from_numpy(point_labels)[None]
        if box is not None:
            corners = self.apply_coords(box.reshape(2, 2), self.size)
            boxes = torch.from_numpy(corners.reshape(1, 4))
        results = self.predict_torch(points, labels, boxes, multimask_output)
        return tuple(value[0].numpy() for value in results)
