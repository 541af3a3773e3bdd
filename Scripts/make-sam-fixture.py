#!/usr/bin/env python3
"""Makes Tests/Fixtures/sam with PyTorch and segment-anything 1.0, the authors' package.

forward.safetensors: image embeddings, logits and IoU estimates of tiny networks of the package's
own classes, with weights and input by formula (Scripts/formula.py), and how the package fits
pictures, clicks and boxes into the input and logits back into the picture. vit_{b,l,h}.txt: the
names and shapes in the package's networks, the numbers of alike blocks in braces.

Needs the peers and segment-anything: make peers
"""
import functools
import pathlib
import re

import numpy
import torch
import torch.nn.functional as F
from formula import fill, numbers
from safetensors.torch import save_file
from segment_anything import sam_model_registry
from segment_anything.modeling import (
    ImageEncoderViT,
    MaskDecoder,
    PromptEncoder,
    Sam,
    TwoWayTransformer,
)
from segment_anything.utils.transforms import ResizeLongestSide

folder = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "sam"
pictures = {"landscape": (301, 421), "portrait": (131, 90), "unscaled": (256, 160)}


def tiny(side, window):
    """A network small enough for a test, with blocks of both kinds."""
    width, grid = 32, side // 16
    encoder = ImageEncoderViT(
        img_size=side, depth=4, embed_dim=48, num_heads=3, out_chans=width, use_rel_pos=True,
        window_size=window, global_attn_indexes=(1, 3),
        norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6),
    )  # fmt: skip
    prompts = PromptEncoder(
        embed_dim=width, image_embedding_size=(grid, grid), input_image_size=(side, side),
        mask_in_chans=16,
    )  # fmt: skip
    decoder = MaskDecoder(
        transformer_dim=width, iou_head_hidden_dim=width,
        transformer=TwoWayTransformer(depth=2, embedding_dim=width, mlp_dim=64, num_heads=4),
    )  # fmt: skip
    return fill(Sam(encoder, prompts, decoder))


def input_of(name, *shape):
    return 1.7 * numbers(name, numpy.prod(shape).item()).reshape(shape)


def encoders():
    """Windows that reach over the edge, windows that divide the grid, tables of another grid."""
    padded = tiny(256, 14)
    yield "padded", padded.image_encoder(input_of("padded", 2, 3, 256, 256))[:, ::4]
    yield "even", tiny(224, 7).image_encoder(input_of("even", 1, 3, 224, 224))[:, ::4]
    for side in [192, 320]:
        # The package resizes tables of relative positions itself, the position embedding not.
        encoder = tiny(256, 14).image_encoder
        grid = (side // 16, side // 16)
        table = F.interpolate(encoder.pos_embed.permute(0, 3, 1, 2), grid, mode="bilinear")
        encoder.pos_embed.data = table.permute(0, 2, 3, 1)
        name = f"resized{side}"
        yield name, encoder(input_of(name, 1, 3, side, side))[:, ::4]


def prompts():
    point = torch.tensor([[[100.0, 80.5]]])
    clicks = torch.tensor([[[100.0, 80.5], [30.25, 200.0], [0.0, 0.0]]])
    box = torch.tensor([[40.0, 50.0, 180.5, 220.25]])
    boxes = torch.cat([box, torch.tensor([[10.0, 20.0, 255.0, 100.0]])])
    mask = 5 * numbers("mask", 64 * 64).reshape(1, 1, 64, 64)
    one, labels = torch.tensor([[1]]), torch.tensor([[1, 0, -1]])
    yield "point", (point, one), None, None
    yield "clicks", (clicks, labels), None, None
    yield "box", None, box, None
    yield "click_and_box", (point, one), box, None
    yield "two_boxes", None, boxes, None
    yield "mask", (point, one), None, mask


def decoded(sam):
    """Logits and estimates for prompts on an embedding by formula."""
    embedding = input_of("embedding", 1, 32, 16, 16)
    for name, points, boxes, masks in prompts():
        if points:
            yield f"{name}.points", points[0]
            yield f"{name}.labels", points[1].float()
        if boxes is not None:
            yield f"{name}.boxes", boxes
        sparse, dense = sam.prompt_encoder(points=points, boxes=boxes, masks=masks)
        for kind in ["single", "multi"]:
            logits, iou = sam.mask_decoder(
                image_embeddings=embedding, image_pe=sam.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense,
                multimask_output=kind == "multi",
            )  # fmt: skip
            yield f"{name}.{kind}.logits", logits[..., ::2, ::2]
            yield f"{name}.{kind}.iou", iou


def prepared(sam):
    """How pictures, clicks and boxes come into the input, and logits into the picture."""
    transform = ResizeLongestSide(256)
    clicks = numpy.array([[10.0, 20.0], [55.5, 130.25], [0.0, 0.0]])
    boxes = numpy.array([[5.0, 10.0, 80.5, 130.75]])
    logits = 5 * numbers("logits", 64 * 64).reshape(1, 1, 64, 64)
    for name, size in pictures.items():
        count = size[0] * size[1] * 3
        pixels = ((numbers(name, count) + 1) * 128).byte().reshape(*size, 3).numpy()
        resized = torch.from_numpy(transform.apply_image(pixels))
        planes = sam.preprocess(resized.permute(2, 0, 1).float()[None])
        yield f"{name}.size", torch.tensor(size)
        yield f"{name}.input", planes[..., ::5, ::5]
        yield f"{name}.clicks", torch.from_numpy(transform.apply_coords(clicks, size))
        yield f"{name}.box", torch.from_numpy(transform.apply_boxes(boxes, size))
        restored = sam.postprocess_masks(logits, tuple(resized.shape[:2]), size)
        yield f"{name}.logits", restored[..., ::5, ::5]


def write_names(kind):
    """The names and shapes of one of the package's networks; alike blocks share a line."""
    with torch.device("meta"):
        network = sam_model_registry[kind]()
    lines = {}
    for name, value in network.state_dict().items():
        block = re.match(r"image_encoder\.blocks\.(\d+)\.", name)
        if block:
            name = f"image_encoder.blocks.{{}}.{name[block.end():]}"
        lines.setdefault(f"{name} {','.join(map(str, value.shape))}", []).extend(
            block.groups() if block else []
        )
    text = "".join(f"{line.replace('{}', '{' + ','.join(lines[line]) + '}')}\n" for line in lines)
    (folder / f"{kind}.txt").write_text(text)


@torch.no_grad()
def main():
    folder.mkdir(parents=True, exist_ok=True)
    sam = tiny(256, 14)
    values = {f"encoder.{name}": value for name, value in encoders()}
    values |= {f"prompt.{name}": value for name, value in decoded(sam)}
    values |= {f"image.{name}": value for name, value in prepared(sam)}
    copies = {
        name: value.clone(memory_format=torch.contiguous_format) for name, value in values.items()
    }
    made_by = f"segment-anything 1.0 on PyTorch {torch.__version__}"
    save_file(copies, folder / "forward.safetensors", {"made_by": made_by})
    for kind in ["vit_b", "vit_l", "vit_h"]:
        write_names(kind)
    for file in sorted(folder.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
