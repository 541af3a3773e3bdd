#!/usr/bin/env python3
"""Makes Tests/Fixtures/samus-sizes.safetensors: SAMUS for inputs that are not 256 pixels wide.

The authors' values are for 256 alone. Benchmarks/samus_peer.py, which agrees with them, gives
these: tiny networks for other sizes with weights and pictures by formula (Scripts/formula.py),
embeddings at every fourth cell, logits at every eighth pixel. Their program makes a position
embedding for each size; the 64 x 64 of SAM, which ours keeps, is resized for the peer.

Needs the peers: make peers
"""
import pathlib
import sys

import torch
import torch.nn.functional as F
from formula import numbers, weight
from safetensors.torch import save_file

root = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "Benchmarks"))

from samus_peer import SAMUS  # noqa: E402

# Input side and window: grids of 24, 40 and 25 tokens, whose windows all reach over the edge.
sizes = [(192, 14), (320, 14), (200, 7)]


def network(side, window):
    """A network small enough for a test, with blocks of both kinds."""
    model = SAMUS({
        "embed_dim": 48, "depth": 4, "num_heads": 3, "global_attn_indexes": [1, 3],
        "window_size": window, "image_size": side, "out_chans": 32, "mask_in_chans": 16,
        "decoder": {
            "depth": 2, "embedding_dim": 32, "mlp_dim": 64, "num_heads": 4,
            "num_multimask_outputs": 3, "iou_head_depth": 3, "iou_head_hidden_dim": 32,
        },
    })  # fmt: skip
    state = {name: weight(name, value.shape) for name, value in model.state_dict().items()}
    name, fitting = "image_encoder.pos_embed", (side // 4, side // 4)
    table = weight(name, torch.Size([1, 64, 64, 48])).permute(0, 3, 1, 2)
    state[name] = F.interpolate(table, fitting, mode="bilinear").permute(0, 2, 3, 1)
    model.load_state_dict(state)
    return model.eval()


@torch.no_grad()
def values():
    for side, window in sizes:
        model = network(side, window)
        pictures = (numbers(f"picture{side}", 2 * side * side).reshape(2, 1, side, side) + 1) / 2
        points = side * (numbers(f"points{side}", 8).reshape(2, 2, 2) + 1) / 2
        embedding = model.image_encoder(pictures)
        logits, iou = model.answer(embedding, points=points, labels=torch.tensor([[1, 0], [1, 1]]))
        yield f"{side}.embedding", embedding[..., ::4, ::4]
        yield f"{side}.logits", logits[..., ::8, ::8]
        yield f"{side}.iou", iou


target = root / "Tests" / "Fixtures" / "samus-sizes.safetensors"
made_by = f"Benchmarks/samus_peer.py, PyTorch {torch.__version__} CPU"
kept = {name: value.clone(memory_format=torch.contiguous_format) for name, value in values()}
save_file(kept, target, {"made_by": made_by})
print(f"{target.name}: {len(kept)} tensors, {target.stat().st_size} bytes")
