"""The PyTorch side of `bench.py checkpoints`.

    checkpoints.py write ZIP LEGACY    a checkpoint in both of PyTorch's file formats
    checkpoints.py load FILE           prints seconds, bytes of all tensors, and growth of the peak
"""

import sys

import torch
from measuring import process_memory, seconds


def write(zip_path, legacy_path):
    tensors = {f"block.{i}.weight": torch.randn(1024, 1024) for i in range(94)}
    torch.save(tensors, zip_path)
    torch.save(tensors, legacy_path, _use_new_zipfile_serialization=False)


def load(path):
    torch.zeros(1) + 1  # PyTorch's own memory comes with the first tensor
    before = process_memory("VmRSS")
    tensors = {}
    took = seconds(
        lambda: tensors.update(torch.load(path, map_location="cpu", weights_only=True)))
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    print(took, size, process_memory("VmHWM") - before)


if __name__ == "__main__":
    {"write": write, "load": load}[sys.argv[1]](*sys.argv[2:])
