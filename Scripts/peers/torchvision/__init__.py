"""Stands in for torchvision in .deps/peers: the four names that segment-anything takes from it.

The real torchvision 0.28.0 belongs to PyTorch 2.13.0, but package indexes offer it with CUDA only,
which does not load beside PyTorch's CPU build; none belongs to PyTorch 2.15.0 yet. The suppression
here was compared once with the compiled one of torchvision 0.28.0: equal for 3,000 sets of boxes
with tied scores, boxes without area, and overlaps equal to the threshold.
"""
