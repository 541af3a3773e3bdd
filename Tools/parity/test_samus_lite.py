"""samus-lite on libtorch against the same network in PyTorch (Benchmarks/peers/samus_lite_network.py),
which is made of the modules of MedSAM's authors; random weights and batch statistics.
"""

import torch
from safetensors.torch import load_file, save_file
from samus_command import run
from samus_lite_network import random_network


def difference(computed, expected):
    """Relative L2."""
    return float((computed - expected).double().norm() / expected.double().norm())


@torch.no_grad()
def test_network(tmp_path):
    """Embedding, logits, IoU estimate and presence agree for points, boxes and masks."""
    network = random_network()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    run("samus-bench", "export-reference", tmp_path / "weights.safetensors",
        tmp_path / "reference.safetensors")
    reference = load_file(tmp_path / "reference.safetensors")
    embeddings = network.image_encoder(reference["images"])
    assert difference(reference["embeddings"], embeddings) <= 1e-5
    embedding = embeddings[:1]
    for name in ("one", "two", "seven", "box", "masked"):
        points, labels = reference[f"{name}.points"], reference[f"{name}.labels"]
        if name == "box":
            given = {"boxes": points.reshape(1, 4)}
        else:
            # The exported form has a padding point, which the prompt encoder adds itself.
            given = {"points": points[:, :-1], "labels": labels[:, :-1]}
        logits, iou, presence = network.decode(
            embedding, masks=reference.get(f"{name}.mask"), **given)
        assert difference(reference[f"{name}.logits"][:, :1], logits) <= 1e-5, name
        assert difference(reference[f"{name}.iou"][:, :1], iou) <= 1e-5, name
        assert difference(reference[f"{name}.presence"], presence) <= 1e-5, name
