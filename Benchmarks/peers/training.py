"""The PyTorch side of `bench.py training`: SAMUS trained as its authors train it, in eager PyTorch.

    training.py THREADS WEIGHTS BATCH          measures what standard input names
    training.py THREADS WEIGHTS BATCH STEP     peak memory of three steps in a new process
"""

import sys

import torch
from check_samus_network import loss
from measuring import answer, process_memory, seconds
from samus_network import SAMUS, VIT_B


class Measurements:
    """The same names as in Sources/samus-bench/TrainingBench.swift."""

    def __init__(self, weights, batch):
        self.network = SAMUS(VIT_B)
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.network.train()
        generator = torch.Generator().manual_seed(20240917)
        self.images = torch.rand(batch, 1, 256, 256, generator=generator)
        # A rectangle of foreground in the middle.
        self.target = torch.zeros(batch, 1, 128, 128)
        self.target[:, :, 32:96, 40:100] = 1
        self.points = torch.tensor([[[120.0, 100]]]).repeat(batch, 1, 1)
        self.labels = torch.ones(batch, 1)
        trained = [value for value in self.network.parameters() if value.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=1e-4)

    def _step(self, bf16):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            low, _ = self.network(self.images, self.points, self.labels)
        value = loss(low.float(), self.target)
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        self.last_loss = value.item()

    def step(self):
        return seconds(lambda: self._step(bf16=False))

    def step_bf16(self):
        return seconds(lambda: self._step(bf16=True))

    def loss(self):
        """Of the last step, to check that both sides do the same work."""
        return self.last_loss


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    measurements = Measurements(sys.argv[2], int(sys.argv[3]))
    if sys.argv[4:]:
        for _ in range(3):
            getattr(measurements, sys.argv[4])()
        print(process_memory("VmHWM"), measurements.loss())
    else:
        answer(measurements)
