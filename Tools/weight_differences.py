#!/usr/bin/env python3
"""Stores weights as differences from other weights, and makes them again.

    Tools/weight_differences.py make BASE NEW DIFFERENCES     needs NumPy
    Tools/weight_differences.py apply BASE DIFFERENCES OUT    needs Python alone

BASE, NEW and OUT are safetensors files with the same tensors. A tensor of float16 is stored as whole numbers
in -127..127, times a step: --step times the root mean square of its differences. The result is
BASE + number * step, rounded to float16, and therefore the same everywhere. All other tensors are stored as
they are. DIFFERENCES is a zip archive; it states the SHA-256 of BASE and of the result, and both are checked.
"""

import argparse
import hashlib
import json
import math
import os
import pathlib
import struct
import sys
import zipfile


class Weights:
    """A safetensors file: its header as bytes, its tensors by name, and their values."""

    def __init__(self, path):
        content = pathlib.Path(path).read_bytes()
        start = 8 + struct.unpack("<Q", content[:8])[0]
        self.header, self.values = content[8:start], content[start:]
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.tensors = tensors_of(self.header)

    def __getitem__(self, name):
        first, last = self.tensors[name]["data_offsets"]
        return self.values[first:last]

    def kinds(self):
        return {name: (tensor["dtype"], tensor["shape"]) for name, tensor in self.tensors.items()}


def tensors_of(header):
    tensors = json.loads(header)
    tensors.pop("__metadata__", None)
    return tensors


def make(base, new, share):
    """The parts of an archive of differences, but for the SHA-256 of the result."""
    import numpy

    if base.kinds() != new.kinds():
        sys.exit("error: the two files have different tensors")
    ends = [0] + [tensor["data_offsets"][1] for tensor in new.tensors.values()]
    if [tensor["data_offsets"][0] for tensor in new.tensors.values()] != ends[:-1]:
        sys.exit("error: the tensors of NEW are not in the order of their values")
    steps, numbers, kept = {}, [], []
    for name, tensor in new.tensors.items():
        if tensor["dtype"] != "F16":
            kept.append(new[name])
            continue
        one, other = (numpy.frombuffer(file[name], "<f2").astype(numpy.float64) for file in (new, base))
        difference = one - other
        # The largest difference must fit, too.
        step = float(max(share * math.sqrt((difference**2).mean()), abs(difference).max() / 127)) or 1.0
        steps[name] = step
        numbers.append(numpy.round(difference / step).astype(numpy.int8).tobytes())
    facts = {"base_sha256": base.sha256, "steps": steps}
    return {"header": new.header, "facts": facts, "numbers": b"".join(numbers), "kept": b"".join(kept)}


def apply(base, parts):
    """The bytes of the safetensors file that the differences describe."""
    if base.sha256 != parts["facts"]["base_sha256"]:
        sys.exit(f"error: these differences are from other weights ({parts['facts']['base_sha256']})")
    numbers, kept, values = memoryview(parts["numbers"]).cast("b"), parts["kept"], []
    for name, tensor in tensors_of(parts["header"]).items():
        first, last = tensor["data_offsets"]
        if tensor["dtype"] != "F16":
            values.append(kept[: last - first])
            kept = kept[last - first :]
            continue
        count, step = (last - first) // 2, parts["facts"]["steps"][name]
        old = struct.unpack(f"<{count}e", base[name])
        values.append(struct.pack(f"<{count}e", *[a + step * b for a, b in zip(old, numbers)]))
        numbers = numbers[count:]
    return b"".join([struct.pack("<Q", len(parts["header"])), parts["header"], *values])


def write(path, content):
    """Writes a file that appears complete or not at all."""
    partial = f"{path}.{os.getpid()}.partial"
    pathlib.Path(partial).write_bytes(content)
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["make", "apply"])
    parser.add_argument("base")
    parser.add_argument("second", metavar="NEW|DIFFERENCES")
    parser.add_argument("output", metavar="DIFFERENCES|OUT")
    parser.add_argument("--step", type=float, default=0.4, help="smaller: more exact and larger (default: 0.4)")
    options = parser.parse_args()
    base = Weights(options.base)
    if options.task == "make":
        parts = make(base, Weights(options.second), options.step)
        parts["facts"]["sha256"] = hashlib.sha256(apply(base, parts)).hexdigest()
        with zipfile.ZipFile(options.output, "w") as archive:
            for name, content in {**parts, "facts": json.dumps(parts["facts"])}.items():
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
        print(f"{options.output}: {os.path.getsize(options.output):,} bytes; weights {parts['facts']['sha256']}")
        return
    with zipfile.ZipFile(options.second) as archive:
        parts = {name: archive.read(name) for name in ("header", "facts", "numbers", "kept")}
    parts["facts"] = json.loads(parts["facts"])
    present = pathlib.Path(options.output)
    if present.exists() and hashlib.sha256(present.read_bytes()).hexdigest() == parts["facts"]["sha256"]:
        return
    content = apply(base, parts)
    if hashlib.sha256(content).hexdigest() != parts["facts"]["sha256"]:
        sys.exit(f"error: '{options.second}' gives other weights than it states")
    write(options.output, content)


if __name__ == "__main__":
    main()
