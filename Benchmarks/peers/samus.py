"""The PyTorch side of `bench.py samus`: SAMUS as its authors compute it, in eager PyTorch.

    samus.py THREADS WEIGHTS         measures what standard input names
    samus.py THREADS WEIGHTS load    one load, image and point in a new process
"""

import sys

import torch
from measuring import answer, process_memory, seconds
from samus_network import SAMUS, VIT_B

POINT = {"points": torch.tensor([[[120.0, 100]]]), "labels": torch.ones(1, 1)}


def load_network(weights):
    network = SAMUS(VIT_B)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()


class Measurements:
    """The same names as in Sources/samus-bench/SAMUSBench.swift."""

    def __init__(self, weights):
        self.network = load_network(weights)
        generator = torch.Generator().manual_seed(20240917)
        self.images = torch.rand(8, 1, 256, 256, generator=generator)
        self.embedding = self.network.image_encoder(self.images[:1])

    def _encode(self, count, bf16=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return seconds(lambda: self.network.image_encoder(self.images[:count]))

    def encode(self):
        return self._encode(1)

    def encode_bf16(self):
        return self._encode(1, bf16=True)

    def encode_batch(self):
        return self._encode(8) / 8

    def encode_batch_bf16(self):
        return self._encode(8, bf16=True) / 8

    def product(self):
        rows, matrix = torch.ones(1024, 768), torch.ones(3072, 768)
        return seconds(lambda: torch.nn.functional.linear(rows, matrix))

    def prompt(self):
        return seconds(lambda: self.network.answer(self.embedding, **POINT))

    def logits(self):
        return self.network.answer(self.embedding, **POINT)[0].sum().item()


def load(weights):
    """Prints seconds of loading, the peak's growth by it, and the peak after an image and a point."""
    torch.zeros(1) + 1  # PyTorch's own memory comes with the first tensor
    before = process_memory("VmRSS")
    networks = []
    took = seconds(lambda: networks.append(load_network(weights)))
    growth = process_memory("VmHWM") - before
    embedding = networks[0].image_encoder(torch.rand(1, 1, 256, 256))
    networks[0].answer(embedding, **POINT)
    print(took, growth, process_memory("VmHWM"))


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    with torch.no_grad():
        if sys.argv[3:] == ["load"]:
            load(sys.argv[2])
        else:
            answer(Measurements(sys.argv[2]))
