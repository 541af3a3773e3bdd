"""Operators on boxes."""


def roi_align(*_, **__):
    """onnx2torch imports it; no network here has this operator."""
    raise NotImplementedError("roi_align")
