"""Numbers by formula, so that large networks are compared without large files.

Tests/TestSupport/FormulaWeights.swift computes the same numbers.
"""
import zlib

import numpy
import torch


def numbers(name, count):
    """Even numbers in -1..<1: SplitMix64's mixing of the name's CRC-32 and the index."""

    def mixed(z, shift, factor):
        return (z ^ (z >> numpy.uint64(shift))) * numpy.uint64(factor)

    first, second, third = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
    z = numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(second)
    z += numpy.uint64(zlib.crc32(name.encode()) * first % 2**64)
    z = mixed(mixed(z, 30, second), 27, third)
    z ^= z >> numpy.uint64(31)
    return torch.from_numpy((z >> numpy.uint64(40)) / 2.0**24 * 2 - 1).float()


def weight(name, shape):
    """A tensor of a network of SAM's family, with a scale that keeps activations in range."""
    v = numbers(name, shape.numel())
    if len(shape) == 1:
        v = 1 + 0.1 * v if name.endswith("weight") else 0.1 * v
    elif "rel_pos" in name:
        v *= 0.3
    elif name == "image_encoder.pos_embed" or len(shape) == 2 and (
        "token" in name and shape[0] <= 4 or name.startswith("prompt_encoder") and shape[0] == 1
    ):
        v *= 0.5
    elif "gaussian" in name:
        v *= 1.7
    else:
        v *= (3 * shape[0] / shape.numel()) ** 0.5
    return v.reshape(shape)


def fill(network):
    """Gives a network the weights of its tensors' names."""
    state = {name: weight(name, value.shape) for name, value in network.state_dict().items()}
    network.load_state_dict(state)
    return network.eval()
