"""`samus segment` with SAMUS against SAMUS in Python, at full size on three images.

Both load a ViT-B with the same weights by formula, from a .pth as the authors write it. The images have
different shapes, and one has colours; without ../shared/data only the example is used. Needs about 2 GB
of memory and half a GB of disk.
"""

import numpy
import pytest
import torch
from formula_weights import fill
from PIL import Image
from samus_command import EXAMPLE, dice, images, segment_prompts, title
from samus_predictor import SamusPredictor


def choose_images():
    """An image with colours, a wide one and a tall one, from three datasets."""
    conditions = [
        lambda image: image.mode != "L",
        lambda image: image.width > 1.3 * image.height,
        lambda image: image.height > image.width,
    ]
    files = []
    for condition in conditions:
        used = {file.parent for file in files}
        others = (file for file in images() if file.parent not in used)
        files += [file for file in others if condition(Image.open(file))][:1]
    return files or [EXAMPLE]


def prompts_for(file):
    """A click, three clicks of which one is negative, and a box."""
    width, height = Image.open(file).size
    points = numpy.array([[0.45, 0.4], [0.6, 0.55], [0.15, 0.8]]) * [width, height]
    points = points.round()
    return {
        "click": {"point_coords": points[:1], "point_labels": numpy.array([1])},
        "clicks": {"point_coords": points, "point_labels": numpy.array([1, 1, 0])},
        "box": {"box": numpy.array([width // 3, height // 4, width // 2, height // 2])},
    }


@pytest.fixture(scope="module")
def predictor():
    predictor = SamusPredictor()
    fill(predictor.model)
    return predictor


@pytest.fixture(scope="module")
def weights(predictor, tmp_path_factory):
    file = tmp_path_factory.mktemp("samus") / "samus.pth"
    torch.save(predictor.model.state_dict(), file)
    return file


@pytest.mark.parametrize("file", choose_images(), ids=lambda file: file.stem)
@pytest.mark.parametrize("multimask", [False, True], ids=["single", "multi"])
def test_masks(file, multimask, predictor, weights, tmp_path):
    """Dice is at least 0.999, and IoU estimates differ by at most 1e-4."""
    prompts = prompts_for(file)
    predictor.set_image(predictor.read(file))
    flags = ["--multimask"] if multimask else []
    ours, _ = segment_prompts(weights, file, prompts, tmp_path / "masks", *flags)
    print(f"\n{title(file)}")
    for name, (masks, estimates) in ours.items():
        expected, iou, _ = predictor.predict(**prompts[name], multimask_output=multimask)
        best = numpy.argsort(-iou)
        overlaps = [dice(a, b) for a, b in zip(masks, expected[best], strict=True)]
        difference = numpy.abs(numpy.array(estimates) - iou[best]).max()
        foreground = ", ".join(f"{mask.mean():.0%}" for mask in expected[best])
        print(f"  {name:8} Dice {min(overlaps):.5f} (foreground: {foreground}), "
              f"IoU estimate {difference:.1e}")
        assert min(overlaps) >= 0.999, name
        assert difference <= 1e-4, name
