"""Compares samus_network.py with golden values of the authors' program.

    check_samus_network.py GOLDEN

GOLDEN is the folder of golden values. Prints every difference; the exit status is 1 when one exceeds
its tolerance.
"""

import argparse
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from samus_network import SAMUS, VIT_B

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "Tools" / "fixtures"))

from formula_weights import fill  # noqa: E402


class Comparison:
    """Prints differences, and counts those that exceed their tolerance."""

    def __init__(self):
        self.failures = 0

    def close(self, name, found, expected, absolute=None, relative=None):
        """Checks the tolerances that are given; a different shape always fails."""
        if found.shape != expected.shape:
            self.report(name, f"shape {list(found.shape)}, not {list(expected.shape)}", False)
            return
        difference = (found - expected).double()
        largest = difference.abs().max().item()
        distance = (difference.norm() / expected.double().norm().clamp(min=1e-30)).item()
        passed = (absolute is None or largest <= absolute) and (
            relative is None or distance <= relative)
        self.report(name, f"max abs {largest:.2e}, relative L2 {distance:.2e}", passed)

    def near(self, name, found, expected, tolerance):
        self.report(name, f"{found:.7g} against {expected:.7g}", abs(found - expected) <= tolerance)

    def report(self, name, words, passed):
        self.failures += not passed
        print(f"{'ok  ' if passed else 'FAIL'} {name}: {words}")


def tiny(golden):
    folder = golden / "samus-tiny"
    model = SAMUS(json.loads((folder / "config.json").read_text()))
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    return model


def check_names(comparison, golden):
    entries = json.loads((golden / "samus-vit_b-parameters.json").read_text())
    with torch.device("meta"):
        model = SAMUS(VIT_B)
    parameters = dict(model.named_parameters())
    shapes = {name: list(value.shape) for name, value in parameters.items()}
    comparison.report(
        "ViT-B names and shapes", f"{len(shapes)} parameters",
        shapes == {entry["name"]: entry["shape"] for entry in entries})
    trained = {name for name, value in parameters.items() if value.requires_grad}
    comparison.report(
        "ViT-B trained names", f"{len(trained)} parameters",
        trained == {entry["name"] for entry in entries if entry["trainable"]})


@torch.no_grad()
def check_forward(comparison, golden):
    model, values = tiny(golden), load_file(golden / "samus-tiny/forward.safetensors")

    def close(name, found):
        comparison.close(name, found, values[name], absolute=1e-4, relative=1e-5)

    stages = {}
    embedding = model.image_encoder(values["input.image"], stages)
    for name, stage in stages.items():
        golden_name = f"encoder.{name}"
        if stage.shape != values[golden_name].shape:
            stage = stage.permute(0, 2, 3, 1)
        close(golden_name, stage)
    close("prompt.dense_pe", model.prompt_encoder.dense_positions())
    for case in sorted({name.split(".")[1] for name in values if name.startswith("case.")}):
        keys = {"points": "points", "labels": "labels", "boxes": "boxes", "masks": "mask_input"}
        prompts = {key: values.get(f"case.{case}.{name}") for key, name in keys.items()}
        sparse, dense = model.prompt_encoder(**prompts)
        close(f"case.{case}.sparse", sparse)
        if f"case.{case}.dense" in values:
            close(f"case.{case}.dense", dense)
        for kind in ["single", "multi"]:
            masks, quality = model.answer(embedding, multimask=kind == "multi", **prompts)
            close(f"case.{case}.{kind}.low_res_logits", masks)
            close(f"case.{case}.{kind}.iou", quality)
            if kind == "single":
                full = F.interpolate(masks, (256, 256), mode="bilinear", align_corners=False)
                close(f"case.{case}.{kind}.mask_logits_256", full)


def loss(logits, target):
    """The authors' loss: Dice pooled over the batch, and binary cross entropy."""
    entropy = F.binary_cross_entropy_with_logits(
        logits, target, pos_weight=torch.tensor(2.0, device=logits.device))
    mask = logits.sigmoid()
    common, both = (mask * target).sum(), mask.square().sum() + target.square().sum()
    return 0.2 * entropy + 0.8 * (1 - (2 * common + 1e-5) / (both + 1e-5))


def gradient_norm(parameters):
    return torch.stack([value.grad.double().norm() for value in parameters]).norm().item()


def check_training(comparison, golden):
    folder, model = golden / "samus-tiny-training", tiny(golden)
    batch = load_file(folder / "batch-and-first-gradients.safetensors")
    expected = json.loads((folder / "trajectory.json").read_text())
    trained = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimizer = torch.optim.Adam(trained.values(), lr=expected["lr"])
    for index, step in enumerate(expected["steps"]):
        logits, _ = model(batch["input.image"], batch["points"], batch["labels"])
        value = loss(logits, batch["target.low_mask"])
        optimizer.zero_grad()
        value.backward()
        tolerance = 1e-5 if index == 0 else 1e-4
        comparison.near(f"step {index} loss", value.item(), step["loss"], tolerance)
        norm = gradient_norm(trained.values())
        comparison.near(f"step {index} gradient norm", norm, step["grad_norm"], tolerance)
        if index == 0:
            for name, norm in expected["grad_norms_step0"].items():
                found = gradient_norm([trained[name]])
                comparison.near(f"gradient norm {name}", found, norm, 1e-6 + 1e-4 * norm)
            for name in batch:
                if name.startswith("grad."):
                    gradient = trained[name.removeprefix("grad.")].grad
                    # The key's bias has no influence: its gradient is rounding noise.
                    bound = None if name.endswith("Space_Adapter.k.bias") else 1e-4
                    comparison.close(name, gradient, batch[name], 1e-6, bound)
        optimizer.step()
    with torch.no_grad():
        logits, _ = model(batch["input.image"], batch["points"], batch["labels"])
        value = loss(logits, batch["target.low_mask"]).item()
    comparison.near("final loss", value, expected["final_loss"], 1e-4)


def formula_model(config):
    """A model whose weights follow the formula, equal on every machine."""
    return fill(SAMUS(config))


@torch.no_grad()
def check_formula(comparison, golden):
    values = load_file(golden / "samus-vitb-formula/forward.safetensors")
    model = formula_model(VIT_B)
    embedding = model.image_encoder(values["input.image"])
    comparison.close("image_embedding", embedding, values["image_embedding"], relative=2e-5)
    for kind in ["single", "multi"]:
        masks, quality = model.answer(
            embedding, kind == "multi", points=values["points"], labels=values["labels"])
        for name, found in [("low_res_logits", masks), ("iou", quality)]:
            comparison.close(f"{kind}.{name}", found, values[f"{kind}.{name}"], relative=2e-5)


def check(golden):
    """Returns the exit status: 0 when all agree or golden values are absent, else 1."""
    if not golden.is_dir():
        print(f"skipped: no golden values at {golden}")
        return 0
    comparison = Comparison()
    for part in [check_names, check_forward, check_training, check_formula]:
        print(f"\n{part.__name__.removeprefix('check_')}")
        part(comparison, golden)
    print(f"\n{comparison.failures} over tolerance")
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("golden", type=pathlib.Path)
    sys.exit(check(parser.parse_args().golden))
