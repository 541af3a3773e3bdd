#!/usr/bin/env python3
"""Cuts Tests/Fixtures/decoder-tiny.safetensors out of the golden values beside the checkout.

The golden values were made by the SAMUS authors' program with random weights (see the README of
../shared/golden): a prompt encoder and a mask decoder of width 32, an image embedding, and for six
sets of prompts the tokens, logits and IoU estimates. Logits are kept at every 4th row and column.

Needs: pip install numpy safetensors
"""
import pathlib

from safetensors.numpy import load_file, save_file

root = pathlib.Path(__file__).resolve().parent.parent
golden = root.parent / "shared" / "golden" / "samus-tiny"
weights = load_file(golden / "weights.safetensors")
forward = load_file(golden / "forward.safetensors")

kept = {
    "weights." + name: tensor
    for name, tensor in weights.items()
    if name.startswith(("prompt_encoder.", "mask_decoder."))
}
kept["embedding"] = forward["encoder.image_embedding"]
kept["positions"] = forward["prompt.dense_pe"]
for name, tensor in forward.items():
    if name.endswith("low_res_logits"):
        kept[name] = tensor[..., ::4, ::4].copy()
    elif name.startswith("case.") and not name.endswith("mask_logits_256"):
        kept[name] = tensor

target = root / "Tests" / "Fixtures" / "decoder-tiny.safetensors"
save_file(kept, target, {"made_by": "the SAMUS authors' program, commit 030ed07, PyTorch 2.13 CPU"})
print(f"{target.name}: {len(kept)} tensors, {target.stat().st_size} bytes")
