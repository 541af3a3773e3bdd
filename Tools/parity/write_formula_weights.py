"""Writes weights for Tools/parity/check-exports: formula-weights.py NETWORK OUTPUT.

NETWORK is samus or sam, ViT-B with weights by formula, or autosamus, the authors' small SAMUS with
the parts that AutoSAMUS adds, both of ../shared/golden.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "Benchmarks/peers"), str(ROOT / "Tools" / "fixtures")]
import formula_weights  # noqa: E402
from check_samus_network import formula_model  # noqa: E402
from samus_network import VIT_B  # noqa: E402


def main(network, output):
    if network == "samus":
        torch.save(formula_model(VIT_B).state_dict(), output)
    elif network == "sam":
        from segment_anything import sam_model_registry
        torch.save(formula_weights.fill(sam_model_registry["vit_b"]()).state_dict(), output)
    else:
        golden = ROOT.parent / "shared/golden"
        tensors = load_file(golden / "samus-tiny/weights.safetensors")
        tensors.update(load_file(golden / "autosamus-tiny/extra-weights.safetensors"))
        save_file(tensors, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
