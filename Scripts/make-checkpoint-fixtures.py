#!/usr/bin/env python3
"""Makes Tests/Fixtures/checkpoints.  Needs the packages torch, numpy and safetensors.

Each NAME.pth (zip form) and NAME-legacy.pth (the form before PyTorch 1.6) has its expected values in
NAME.safetensors, which the safetensors package wrote; its metadata says seed and PyTorch's version.
The files under refused/ must be refused.
"""

import collections
import io
import os
import pathlib
import struct
import zipfile

import torch
from safetensors.torch import save_file

SEED = 20240611
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "checkpoints"
REFUSED = FOLDER / "refused"


def random(*shape, dtype=torch.float32):
    if dtype == torch.bool:
        return torch.randint(0, 2, shape, generator=generator).bool()
    if dtype.is_floating_point:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return torch.randint(0, 100, shape, generator=generator).to(dtype)


def save(name, content, expected, forms=("", "-legacy"), **options):
    """Writes `content` in both forms and the plain tensors that must come out of it."""
    for form in forms:
        torch.save(
            content,
            FOLDER / f"{name}{form}.pth",
            _use_new_zipfile_serialization=form == "",
            **options,
        )
    expected = {key: value.detach().clone().contiguous() for key, value in expected.items()}
    note = {"seed": str(SEED), "torch": torch.__version__, "made by": "make-checkpoint-fixtures.py"}
    save_file(expected, FOLDER / f"{name}.safetensors", metadata=note)


def element_types():
    names = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()
    tensors = {name: random(3, 5, dtype=getattr(torch, name)) for name in names}
    save("element-types", tensors, tensors)
    save("protocol-4", tensors, tensors, pickle_protocol=4)


def shapes():
    tensors = {
        "number": random().reshape(()),
        "empty": torch.zeros(0),
        "empty.wide": torch.zeros(3, 0, 5),
        "one": random(1),
        "five.axes": random(2, 1, 3, 1, 2),
    }
    save("shapes", tensors, tensors)


def views():
    base = random(6, 8)
    stack = random(4, 3, 5)
    tensors = {
        "whole": base,
        "row": base[2],
        "column": base[:, 3],
        "block": base[1:4, 2:7],
        "every.second": base[::2, ::3],
        "transposed": base.t(),
        "permuted": stack.permute(2, 0, 1),
        "channels.last": random(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "tied": base,
        "expanded": random(1, 4).expand(3, 4),
    }
    save("views", tensors, tensors)


class Block(torch.nn.Module):
    """A layer, a normalization with its counter, and a frozen parameter."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.scale = torch.nn.Parameter(torch.ones(3), requires_grad=False)


def modules():
    torch.manual_seed(SEED)
    block = Block()
    state = block.state_dict()  # an OrderedDict with the attribute _metadata
    save("module", state, state)
    block.scale.note = "an attribute, which PyTorch keeps beside the parameter"
    save("parameters", collections.OrderedDict(block.named_parameters()),
         dict(block.named_parameters()))
    save("data-parallel", torch.nn.DataParallel(block).state_dict(), state)

    optimizer = torch.optim.Adam(block.parameters(), lr=1e-3)
    for parameter in block.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    state = block.state_dict()
    training = {
        "epoch": 7,
        "best": 0.5,
        "name": "tiny",
        "losses": [0.5, 0.25],
        "shape": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "steps": collections.Counter([3, 3, 5]),
        "classes": {"heart", "liver"},
        "seen": collections.defaultdict(list),
        "raw": b"\xff\x00",
        "large": 1 << 80,
        "dtype": torch.float32,
        "optimizer": optimizer.state_dict(),
    }
    save("training", training | {"state_dict": state}, state)
    save("training-model", {"model": {"state_dict": state}, "best": torch.tensor(0.5)}, state)
    mixed = {"epoch": 3, "tensor": random(2), 5: random(1)}
    save("mixed", mixed, {"tensor": mixed["tensor"]})


def without_checksums():
    tensors = {"weight": random(2, 3)}
    torch.serialization.set_crc32_options(False)
    save("no-checksums", tensors, tensors, forms=("",))
    torch.serialization.set_crc32_options(True)


class Command:
    """Runs a program when a careless reader unpickles it."""

    def __reduce__(self):
        return os.system, ("echo executed",)


def refused():
    tensors = {"weight": random(2, 3)}
    for form in ("", "-legacy"):
        new = form == ""
        torch.save(tensors | {"x": Command()}, REFUSED / f"command{form}.pth",
                   _use_new_zipfile_serialization=new)
        torch.save({"weight": torch.zeros(2, dtype=torch.complex64)},
                   REFUSED / f"complex{form}.pth", _use_new_zipfile_serialization=new)
        torch.save([1, 2], REFUSED / f"list{form}.pth", _use_new_zipfile_serialization=new)
        torch.save({"model": tensors, "state_dict": tensors}, REFUSED / f"two{form}.pth",
                   _use_new_zipfile_serialization=new)
        torch.save({"weight": random(1).expand(10_000)}, REFUSED / f"expanded{form}.pth",
                   _use_new_zipfile_serialization=new)
    torch.save({"weight": torch.zeros(2, dtype=torch.uint16)}, REFUSED / "uint16.pth")
    save_file({"weight": torch.zeros(2, dtype=torch.uint16)}, REFUSED / "uint16.safetensors")
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), REFUSED / "torchscript.pth")

    plain = io.BytesIO()
    torch.save(tensors, plain)
    source = zipfile.ZipFile(plain)
    entries = {name: source.read(name) for name in source.namelist()}
    rewrite("compressed", entries, zipfile.ZIP_DEFLATED)
    rewrite("big-endian", {
        name: b"big" if name.endswith("byteorder") else data for name, data in entries.items()})
    rewrite("no-pickle", {
        name: data for name, data in entries.items() if not name.endswith("data.pkl")})
    bomb = {name: bytes(1 << 20) if "/data/" in name else data for name, data in entries.items()}
    rewrite("bomb", bomb, zipfile.ZIP_DEFLATED)
    encrypted = bytearray(plain.getvalue())
    start = encrypted.index(b"PK\x01\x02")
    encrypted[start + 8] |= 1
    (REFUSED / "encrypted.pth").write_bytes(encrypted)


def rewrite(name, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(REFUSED / f"{name}.pth", "w", compression) as archive:
        for entry, data in entries.items():
            archive.writestr(zipfile.ZipInfo(entry), data, compression)


def storage_view():
    """The old form with a storage that is a part of another, as PyTorch wrote before 0.4.

    No PyTorch of today writes it, so the pickle's view is put in by hand.
    """
    tensor = random(8)
    buffer = io.BytesIO()
    torch.save({"part": tensor}, buffer, _use_new_zipfile_serialization=False)
    data = buffer.getvalue()
    # BININT1 8, None, TUPLE becomes BININT1 8, ('v', 2, 4), TUPLE; the shape becomes (4,).
    view = b"(X\x01\x00\x00\x00vK\x02K\x04t"
    changed = data.replace(b"K\x08Nt", b"K\x08" + view + b"t").replace(b"K\x08\x85", b"K\x04\x85")
    assert len(changed) == len(data) + len(view) - 1
    (FOLDER / "storage-view-legacy.pth").write_bytes(changed)
    loaded = torch.load(FOLDER / "storage-view-legacy.pth")["part"]
    assert torch.equal(loaded, tensor[2:6])
    save("storage-view", {}, {"part": loaded}, forms=())


def large_archive():
    """A zip64 record in the directory, which PyTorch writes only beyond 4 GB."""
    tensors = {"weight": random(2, 3)}
    plain = io.BytesIO()
    torch.save(tensors, plain)
    data = plain.getvalue()
    start = data.index(b"PK\x01\x02")
    record = bytearray(data[start:])
    size, offset = struct.unpack("<I", record[24:28])[0], struct.unpack("<I", record[42:46])[0]
    name, extra = struct.unpack("<HH", record[28:32])
    large = struct.pack("<HHQQQ", 1, 24, size, size, offset)
    assert extra == 0
    record[20:28] = b"\xff" * 8
    record[42:46] = b"\xff" * 4
    record[30:32] = struct.pack("<H", len(large))
    record[46 + name:46 + name] = large
    changed = bytearray(data[:start] + record)
    end64 = changed.index(b"PK\x06\x06")
    end = changed.index(b"PK\x05\x06")
    directory = end64 - start
    changed[end64 + 40:end64 + 48] = struct.pack("<Q", directory)
    changed[end64 + 56 + 8:end64 + 56 + 16] = struct.pack("<Q", end64)
    changed[end + 8:end + 20] = b"\xff" * 12
    (FOLDER / "zip64.pth").write_bytes(changed)
    assert torch.equal(torch.load(FOLDER / "zip64.pth")["weight"], tensors["weight"])
    save("zip64", {}, tensors, forms=())


if __name__ == "__main__":
    REFUSED.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(SEED)
    element_types()
    shapes()
    views()
    modules()
    without_checksums()
    storage_view()
    large_archive()
    refused()
