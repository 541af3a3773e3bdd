"""The other side of Benchmarks/samus: SAMUS as its authors wrote it, in eager PyTorch."""

import sys
import time

import torch
from samus_peer import SAMUS, VIT_B


def seconds(body):
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


class Works:
    def __init__(self, weights):
        self.network = SAMUS(VIT_B)
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.eval()
        stream = torch.Generator().manual_seed(20240917)
        self.pictures = torch.rand(8, 1, 256, 256, generator=stream)
        self.prompts = {"points": torch.tensor([[[120.0, 100]]]), "labels": torch.ones(1, 1)}
        self.embedding = self.network.image_encoder(self.pictures[:1])

    def _encode(self, count, half=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            return seconds(lambda: self.network.image_encoder(self.pictures[:count]))

    def encode(self):
        return self._encode(1)

    def encode_half(self):
        return self._encode(1, half=True)

    def encode_batch(self):
        return self._encode(8) / 8

    def encode_batch_half(self):
        return self._encode(8, half=True) / 8

    def click(self):
        return seconds(lambda: self.network.answer(self.embedding, **self.prompts))

    def logits(self):
        return self.network.answer(self.embedding, **self.prompts)[0].sum().item()


def status(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def once(weights):
    """Seconds that loading took, growth at the peak then, and the peak after a picture and click."""
    torch.zeros(1) + 1
    before = status("VmRSS:")
    start = time.perf_counter()
    network = SAMUS(VIT_B)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    took = time.perf_counter() - start
    loaded = status("VmHWM:") - before
    embedding = network.eval().image_encoder(torch.rand(1, 1, 256, 256))
    network.answer(embedding, points=torch.tensor([[[120.0, 100]]]), labels=torch.ones(1, 1))
    print(took, loaded, status("VmHWM:"))


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    with torch.no_grad():
        if sys.argv[3:] == ["once"]:
            once(sys.argv[2])
            sys.exit()
        works = Works(sys.argv[2])
        for line in sys.stdin:
            work = line.strip()
            version = torch.__version__.split("+")[0]
            print(version if work == "version" else repr(float(getattr(works, work)())), flush=True)
