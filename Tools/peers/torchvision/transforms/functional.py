"""The transforms with which segment-anything resizes an image to the network's input."""

from PIL import Image


def to_pil_image(array):
    """Converts bytes `[H, W, 3]` to a Pillow image."""
    return Image.fromarray(array)


def resize(image, size):
    """Resizes to (height, width) with Pillow's bilinear filter."""
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
