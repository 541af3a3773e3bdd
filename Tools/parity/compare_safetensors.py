#!/usr/bin/env python3
"""Compares safetensors files that Swift wrote with what PyTorch reads from their originals.

Needs the packages torch, numpy and safetensors.  Arguments are pairs: a checkpoint, and the file that
`Safetensors.write` made of it.  Ends with 0 when names, types, shapes, bytes and metadata agree, with
1 when they do not, and with 77 when a package is absent.
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
    """The state dictionary of a .pth, unwrapped, or the tensors of a safetensors file."""
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
    expected, found = load(original), load_file(written)
    problems = [f"names differ: {set(expected) ^ set(found)}"] if set(expected) ^ set(found) else []
    for name in sorted(set(expected) & set(found)):
        one, other = expected[name].detach(), found[name]
        if one.dtype != other.dtype or one.shape != other.shape:
            problems.append(f"{name}: {one.dtype} {one.shape}, {other.dtype} {other.shape}")
        elif not torch.equal(one.contiguous().flatten().view(torch.uint8),
                             other.flatten().view(torch.uint8)):
            problems.append(f"{name}: other bytes")
    with safe_open(written, "pt") as file:
        if file.metadata() != {"original": "é \"\\\n"}:
            problems.append(f"metadata {json.dumps(file.metadata())}")
    if not any(value.dtype == torch.bfloat16 for value in found.values()):
        load_numpy(written)
    for problem in problems:
        print(f"{written}: {problem}")
    return not problems


if __name__ == "__main__":
    pairs = list(zip(sys.argv[1::2], sys.argv[2::2]))
    results = [check(*pair) for pair in pairs]
    print(f"{sum(results)} of {len(results)} files agree")
    sys.exit(0 if results and all(results) else 1)
