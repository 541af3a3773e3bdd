#!/usr/bin/env python3
"""Compares safetensors files that our Swift code wrote with what PyTorch reads from the originals.

    compare_safetensors.py CHECKPOINT WRITTEN [CHECKPOINT WRITTEN]...

WRITTEN is the file that `Safetensors.write` made from CHECKPOINT. Exits with 0 when names, types,
shapes, bytes and metadata agree, with 1 when they do not, and with 77 when torch, numpy or safetensors
is not installed. A Swift test runs this script.
"""

import json
import sys

try:
    import torch
    from safetensors import safe_open
    from safetensors.numpy import load_file as load_numpy
    from safetensors.torch import load_file
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def load(path):
    """The tensors of a safetensors file, or of the state dictionary in a .pth file."""
    if path.endswith(".safetensors"):
        return load_file(path)
    content = torch.load(path, map_location="cpu", weights_only=False)
    for key in ("state_dict", "model_state_dict", "model", "state_dict"):
        if isinstance(content.get(key), dict):
            content = content[key]
    content = {
        name: value for name, value in content.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
    if all(name.startswith("module.") for name in content):
        content = {name.removeprefix("module."): value for name, value in content.items()}
    return content


def check(original, written):
    expected, written_tensors = load(original), load_file(written)
    problems = [f"names differ: {set(expected) ^ set(written_tensors)}"] if set(expected) ^ set(written_tensors) else []
    for name in sorted(set(expected) & set(written_tensors)):
        first, second = expected[name].detach(), written_tensors[name]
        if first.dtype != second.dtype or first.shape != second.shape:
            problems.append(f"{name}: {first.dtype} {first.shape}, {second.dtype} {second.shape}")
        elif not torch.equal(first.contiguous().flatten().view(torch.uint8),
                             second.flatten().view(torch.uint8)):
            problems.append(f"{name}: different bytes")
    with safe_open(written, "pt") as file:
        if file.metadata() != {"original": "é \"\\\n"}:
            problems.append(f"metadata {json.dumps(file.metadata())}")
    if not any(value.dtype == torch.bfloat16 for value in written_tensors.values()):
        load_numpy(written)
    for problem in problems:
        print(f"{written}: {problem}")
    return not problems


if __name__ == "__main__":
    pairs = list(zip(sys.argv[1::2], sys.argv[2::2]))
    results = [check(*pair) for pair in pairs]
    print(f"{sum(results)} of {len(results)} files agree")
    sys.exit(0 if results and all(results) else 1)
