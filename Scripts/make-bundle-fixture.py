"""Makes tiny model bundles and golden values of onnxruntime's: make-bundle-fixture.py FOLDER

FOLDER is Tests/Fixtures/bundle. Needs torch, onnx, onnxruntime and numpy. The networks are toys with
random weights, but with the inputs and outputs of a bundle's: what comes out depends on each of the
inputs. `clicks.samus` takes prompts and has a fixed batch of 1; `finds.samus` finds its object too,
and its encoder takes any batch.
"""

import hashlib
import json
import pathlib
import struct
import sys

import numpy as np
import onnxruntime
import torch
import torch.nn as nn

SIZE, SIDE, WIDTH, CANDIDATES = 32, 8, 6, 3
NOTICE = "research use only, not a medical device"


class Encoder(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.patches = nn.Conv2d(channels, WIDTH, 4, stride=4)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)

    def forward(self, pictures):
        return self.mix(torch.relu(self.patches(pictures)))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.place = nn.Linear(2, WIDTH)
        self.labels = nn.Parameter(torch.randn(5, WIDTH))
        self.tokens = nn.Parameter(torch.randn(1 + CANDIDATES, WIDTH))
        self.mask = nn.Conv2d(1, WIDTH, 4, stride=4)
        self.no_mask = nn.Parameter(torch.randn(1, WIDTH, 1, 1))
        self.enlarge = nn.ConvTranspose2d(WIDTH, WIDTH, 4, stride=4)
        self.iou = nn.Linear(WIDTH, 1)

    def forward(self, embeddings, points, labels, mask, has_mask):
        has_mask = has_mask.reshape(1, 1, 1, 1)
        features = embeddings + has_mask * self.mask(mask) + (1 - has_mask) * self.no_mask
        said = torch.sin(self.place((points + 0.5) / SIZE * 6))
        for index in range(5):
            said = said + (labels == index - 1).float().unsqueeze(-1) * self.labels[index]
        queries = torch.tanh(self.tokens[None] + said.sum(1)[:, None])
        features = torch.relu(self.enlarge(features)).flatten(2)
        masks = (queries @ features).reshape(-1, 1 + CANDIDATES, 4 * SIDE, 4 * SIDE)
        return masks, self.iou(queries).squeeze(-1)


class Automatic(nn.Module):
    def __init__(self):
        super().__init__()
        self.enlarge = nn.ConvTranspose2d(WIDTH, 1, 4, stride=4)
        self.iou = nn.Linear(WIDTH, 1)

    def forward(self, embeddings):
        return self.enlarge(embeddings), self.iou(embeddings.mean((2, 3)))


def export(network, inputs, path, names, outputs, axes):
    with torch.no_grad():
        torch.onnx.export(
            network.eval(), inputs, str(path), dynamo=False, opset_version=17, input_names=names,
            output_names=outputs, dynamic_axes=axes)


def write_models(folder, channels, finds):
    folder.mkdir(parents=True, exist_ok=True)
    embedding = torch.randn(1, WIDTH, SIDE, SIDE)
    export(
        Encoder(channels), (torch.rand(1, channels, SIZE, SIZE),), folder / "encoder.onnx",
        ["pictures"], ["image_embeddings"],
        {"pictures": {0: "B"}, "image_embeddings": {0: "B"}} if finds else {})
    masks = ["low_res_masks", "iou_predictions"]
    batch = {name: {0: "B"} for name in masks}
    export(
        Decoder(),
        (embedding, torch.rand(2, 3, 2), torch.ones(2, 3), torch.rand(1, 1, SIZE, SIZE),
         torch.ones(1)),
        folder / "decoder.onnx",
        ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input"], masks,
        {"image_embeddings": {0: "E"}, "point_coords": {0: "B", 1: "P"},
         "point_labels": {0: "B", 1: "P"}, "mask_input": {0: "N"}, **batch})
    if finds:
        export(
            Automatic(), (embedding,), folder / "auto.onnx", ["image_embeddings"], masks,
            {"image_embeddings": {0: "B"}, **batch})


def write_manifest(folder, kind, channels, preparation):
    files = {
        path.name: {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        } for path in sorted(folder.glob("*.onnx"))
    }
    manifest = {
        "format": 1, "name": folder.stem, "kind": kind, "encoder": "toy", "parameters": 1000,
        "candidates": CANDIDATES,
        "input": {
            "size": SIZE, "channels": channels, "preparation": preparation, "range": [0, 1]},
        "embedding": {"width": WIDTH, "side": SIDE}, "prompts": ["box", "click", "mask"],
        "trainedPrompts": ["click"], "classes": [], "precision": "f32", "files": files,
        "source": {"sha256": hashlib.sha256(b"none").hexdigest(), "program": "a script"},
        "licence": "Apache-2.0", "origin": "random numbers", "notice": NOTICE, "macs": 12345,
    }
    (folder / "model.json").write_text(json.dumps(manifest, indent=1) + "\n")


def run(folder, name, *inputs):
    session = onnxruntime.InferenceSession(
        str(folder / name), providers=["CPUExecutionProvider"])
    return session.run(None, {
        given.name: value.astype(np.float32)
        for given, value in zip(session.get_inputs(), inputs)})


# x, y and label of each point, as the decoder gets them, in pixels of the input.
CASES = {
    "click": [[(9, 7, 1), (0, 0, -1)]],
    "clicks": [[(9, 7, 1), (20, 11, 1), (3, 21, 0), (0, 0, -1)]],
    "box": [[(4, 5, 2), (25, 19, 3)]],
    "both": [[(9, 7, 1), (4, 5, 2), (25, 19, 3)]],
    "two": [[(9, 7, 1), (0, 0, -1)], [(23, 17, 1), (0, 0, -1)]],
    "mask": [[]],
}


def golden(folder, pictures, rough):
    tensors = {}
    embedding, = run(folder, "encoder.onnx", pictures)
    tensors["embedding"] = embedding
    for name, prompts in CASES.items():
        points = np.array([[p[:2] for p in prompt] for prompt in prompts]).reshape(
            len(prompts), -1, 2)
        labels = np.array([[p[2] for p in prompt] for prompt in prompts])
        has_mask = name == "mask"
        mask = rough if has_mask else np.zeros((1, 1, SIZE, SIZE))
        tensors[f"{name}.logits"], tensors[f"{name}.iou"] = run(
            folder, "decoder.onnx", embedding, points, labels, mask, np.array([float(has_mask)]))
    if (folder / "auto.onnx").exists():
        tensors["auto.logits"], tensors["auto.iou"] = run(folder, "auto.onnx", embedding)
    return tensors


def write_safetensors(path, tensors):
    header, parts, offset = {}, [], 0
    for name, value in tensors.items():
        value = np.ascontiguousarray(
            value, dtype=np.uint8 if value.dtype == np.uint8 else np.float32)
        kind = "U8" if value.dtype == np.uint8 else "F32"
        header[name] = {
            "dtype": kind, "shape": list(value.shape),
            "data_offsets": [offset, offset + value.nbytes]}
        parts.append(value.tobytes())
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def main(folder):
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    # Of the input's size already, but for the padding below: resizing is tested elsewhere.
    rgb = random.integers(0, 256, (24, SIZE, 3), dtype=np.uint8)
    grey = random.integers(0, 256, (SIZE, SIZE, 1), dtype=np.uint8)
    rough = np.zeros((SIZE, SIZE), dtype=np.uint8)
    rough[6:18, 8:22] = 1
    logits = ((2.0 * rough - 1) * 10)[None, None]

    clicks, finds = folder / "clicks.samus", folder / "finds.samus"
    write_models(clicks, 3, finds=False)
    write_manifest(clicks, "LiteMedSAM", 3, "liteMedSAM")
    write_models(finds, 1, finds=True)
    write_manifest(finds, "AutoSAMUS", 1, "samus")

    low, high = float(rgb.min()), float(rgb.max())
    values = ((rgb - low) / (high - low)).transpose(2, 0, 1)
    pictures = np.zeros((1, 3, SIZE, SIZE))
    pictures[0, :, :24] = values
    write_safetensors(folder / "clicks.safetensors", {
        "image": rgb, "mask": rough[:24], **golden(clicks, pictures, logits)})
    write_safetensors(folder / "finds.safetensors", {
        "image": grey, "mask": rough,
        **golden(finds, (grey / 255.0).transpose(2, 0, 1)[None], logits)})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
