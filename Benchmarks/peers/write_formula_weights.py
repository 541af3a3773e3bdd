"""Writes the weights of a SAMUS of ViT-B's size by the formula of Tools/fixtures/formula_weights.py.

    write_formula_weights.py OUTPUT
"""

import sys

import torch
from check_samus_network import formula_model
from samus_network import VIT_B

if __name__ == "__main__":
    torch.save(formula_model(VIT_B).state_dict(), sys.argv[1])
