"""How segment-anything fits a picture into its input."""

from PIL import Image


def to_pil_image(array):
    """A picture of Pillow from bytes [H, W, 3]."""
    return Image.fromarray(array)


def resize(image, size):
    """Pillow's bilinear resizing to (height, width)."""
    return image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
