"""The other side of Benchmarks/training: SAMUS trained as its authors wrote it, in eager PyTorch."""

import sys
import time

import torch
import torch.nn.functional as F
from samus_peer import SAMUS, VIT_B


def loss(logits, target):
    """The authors' loss: cross entropy, and a Dice that is pooled over the batch."""
    entropy = F.binary_cross_entropy_with_logits(logits, target, pos_weight=torch.ones(1) * 2)
    inside = torch.sigmoid(logits)
    overlap = torch.sum(inside * target)
    both = torch.sum(inside * inside) + torch.sum(target * target)
    return 0.2 * entropy + 0.8 * (1 - (2 * overlap + 1e-5) / (both + 1e-5))


class Works:
    def __init__(self, weights, batch):
        self.network = SAMUS(VIT_B)
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.train()
        stream = torch.Generator().manual_seed(20240917)
        self.pictures = torch.rand(batch, 1, 256, 256, generator=stream)
        # A block of foreground in the middle.
        self.target = torch.zeros(batch, 1, 128, 128)
        self.target[:, :, 32:96, 40:100] = 1
        self.points = torch.tensor([[[120.0, 100]]]).repeat(batch, 1, 1)
        self.labels = torch.ones(batch, 1)
        trained = [value for value in self.network.parameters() if value.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=1e-4)

    def _step(self, half):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            low, _ = self.network(self.pictures, self.points, self.labels)
        value = loss(low.float(), self.target)
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        self.last = value.item()
        return time.perf_counter() - start

    def step(self):
        return self._step(half=False)

    def step_half(self):
        return self._step(half=True)

    def loss(self):
        """Of the last step, to see that both sides do the same work."""
        return self.last


def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    works = Works(sys.argv[2], int(sys.argv[3]))
    if sys.argv[4:]:
        # One process for each figure: the peak of three steps.
        for _ in range(3):
            getattr(works, sys.argv[4])()
        print(peak(), works.loss())
        sys.exit()
    for line in sys.stdin:
        work = line.strip()
        version = torch.__version__.split("+")[0]
        print(version if work == "version" else repr(float(getattr(works, work)())), flush=True)
