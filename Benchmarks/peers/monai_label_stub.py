"""An app for the server of MONAI Label whose model is a stub: it reads the image and answers a rectangle at once.

`Benchmarks/bench.py serve --monai-label PYTHON` starts it, to compare the servers with each other: what MONAI Label takes
for a click without any network is the least that it takes with one.
"""

import tempfile

import numpy
from monai.transforms import LoadImage
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.transform.writer import write_itk


class Stub(InferTask):
    def __init__(self):
        super().__init__(InferType.DEEPGROW, ["object"], 2, "a rectangle around the click")

    def is_valid(self):
        return True

    def __call__(self, request):
        image = LoadImage(image_only=True)(request["image"])
        mask = numpy.zeros(image.shape, numpy.uint8)
        x, y, slice_ = request["foreground"][0]
        mask[x - 40:x + 40, y - 40:y + 40, slice_] = 1
        file = tempfile.NamedTemporaryFile(suffix=".nrrd", delete=False).name
        write_itk(mask, file, image.affine, "uint8", False)
        return file, {"label_names": {"object": 1}}


class Stubs(MONAILabelApp):
    def __init__(self, app_dir, studies, conf):
        super().__init__(app_dir, studies, conf, name="stub", description="a stub")

    def init_infers(self):
        return {"samus": Stub()}
