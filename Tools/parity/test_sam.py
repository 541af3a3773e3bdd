"""SAM against segment-anything 1.0, the authors' package, at full size on one image.

Both load a ViT-B with the same weights by formula, from a .pth as the authors publish it. Needs about
3 GB of memory and 1 GB of disk.
"""

import time

import numpy
import pytest
import torch
from formula_weights import fill
from PIL import Image
from safetensors.torch import load_file, save_file
from samus_command import image_not_square, run, segment_prompts, title

segment_anything = pytest.importorskip("segment_anything")

MULTIMASK = {"single": False, "multi": True}


@torch.no_grad()
def reference(predictor, pixels, prompts):
    """Runs the package's predictor.

    Returns the inputs of the networks, the embedding with logits and IoU estimates, and the masks,
    best estimate first.
    """
    start = time.perf_counter()
    predictor.set_image(pixels)
    print(f"segment-anything: {time.perf_counter() - start:.1f} s to preprocess and encode")
    model, transform = predictor.model, predictor.transform
    resized = torch.from_numpy(transform.apply_image(pixels)).permute(2, 0, 1)[None].contiguous()
    inputs = {"input": model.preprocess(resized)}
    expected = {"embedding": predictor.features}
    masks = {}
    for name, prompt in prompts.items():
        if "point_coords" in prompt:
            points = transform.apply_coords(prompt["point_coords"], pixels.shape[:2])
            inputs[f"{name}.points"] = torch.tensor(points[None]).float()
            inputs[f"{name}.labels"] = torch.tensor(prompt["point_labels"][None]).float()
        if "box" in prompt:
            box = transform.apply_boxes(prompt["box"], pixels.shape[:2])
            inputs[f"{name}.boxes"] = torch.tensor(box).float()
        for kind, multimask in MULTIMASK.items():
            predicted, iou, logits = predictor.predict(**prompt, multimask_output=multimask)
            expected[f"{name}.{kind}.logits"] = torch.from_numpy(logits)[None]
            expected[f"{name}.{kind}.iou"] = torch.from_numpy(iou)[None]
            best = numpy.argsort(-iou)
            masks[f"{name}.{kind}"] = (predicted[best], iou[best])
    return inputs, expected, masks


class Case:
    """One image, its prompts, the weights and the results of segment-anything."""

    def __init__(self, folder):
        self.file = image_not_square()
        print(f"\n{title(self.file)}")
        pixels = numpy.array(Image.open(self.file).convert("RGB"))
        height, width = pixels.shape[:2]
        click = numpy.array([[round(0.45 * width), round(0.4 * height)]])
        self.prompts = {
            "click": {"point_coords": click, "point_labels": numpy.array([1])},
            "box": {"box": numpy.array([width // 3, height // 4, width // 2, height // 2])},
        }
        sam = fill(segment_anything.sam_model_registry["vit_b"]())
        self.weights = folder / "sam_vit_b.pth"
        torch.save(sam.state_dict(), self.weights)
        predictor = segment_anything.SamPredictor(sam)
        self.inputs, self.expected, self.masks = reference(predictor, pixels, self.prompts)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("sam"))


def test_embedding_logits_and_iou_estimates(case, tmp_path):
    """The relative L2 difference is at most 1e-5."""
    save_file(case.inputs, tmp_path / "input.safetensors")
    output = tmp_path / "output.safetensors"
    run("samus-bench", "sam-logits", case.weights, tmp_path / "input.safetensors", output)
    ours = load_file(output)
    for name, expected in case.expected.items():
        difference = (ours[name] - expected).double()
        relative = (difference.norm() / expected.double().norm()).item()
        print(f"{name:24} max abs {difference.abs().max():.1e}  relative L2 {relative:.1e}")
        assert relative <= 1e-5, name


@pytest.mark.parametrize("kind", MULTIMASK)
def test_masks(case, kind, tmp_path):
    """At most one pixel in 10,000 differs."""
    flags = ["--multimask"] if MULTIMASK[kind] else []
    ours, seconds = segment_prompts(
        case.weights, case.file, case.prompts, tmp_path / "masks", *flags)
    print(f"\nsamus: {seconds:.1f} s to encode")
    for name, (masks, iou) in ours.items():
        expected, estimates = case.masks[f"{name}.{kind}"]
        different = [int((a != b).sum()) for a, b in zip(masks, expected, strict=True)]
        foreground = ", ".join(f"{mask.mean():.0%}" for mask in expected)
        print(
            f"{name + '.' + kind:24} {'+'.join(map(str, different))} of {expected[0].size} pixels "
            f"differ (foreground: {foreground}), "
            f"IoU estimate {numpy.abs(numpy.array(iou) - estimates).max():.1e}")
        assert max(different) <= 1e-4 * expected[0].size, name
