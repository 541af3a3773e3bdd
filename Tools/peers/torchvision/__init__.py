"""Replaces torchvision in .deps/peers: only the functions that segment-anything imports.

The torchvision wheel for PyTorch 2.13.0 needs CUDA's libraries and cannot be imported beside
PyTorch's CPU build. Both PyTorch builds use this replacement, so that they compute the same.

The suppression is tested in every run against results of the real torchvision.ops.nms
(Tests/Fixtures/automatic/nms.json, made by Tools/fixtures/nms.py).
"""
