"""`samus data export`: what nibabel, pynrrd, SimpleITK, pycocotools and labelme read from it.

Every reader must find the masks of `samus segment` bit by bit, on the grid of the source. Needs nibabel,
pynrrd, SimpleITK and pycocotools in the Python that runs this, and labelme for its part.
"""

import json
import os
import pathlib
import subprocess

import numpy
import pytest
from PIL import Image
from samus_command import DATA, ROOT

PROGRAM = pathlib.Path(os.environ.get("SAMUS_PROGRAMS", ROOT / ".build" / "release")) / "samus"
CINE = DATA / "nifti_echo" / "a4c_sequence.nii.gz"
IMAGE = ROOT / "Examples" / "echo-a4c-frame10.png"


def samus(*arguments):
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def result(folder, name, path, size, objects, frame=None):
    """A result as `samus segment` writes it: contours along pixel edges, holes included."""
    width, height = size
    entries = []
    for number, (label, boxes) in enumerate(objects, 1):
        contours = [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, y0, x1, y1 in boxes]
        entries.append({"object": number, "candidate": 1, "label": label, "contours": contours})
    image = {"path": str(path), "width": width, "height": height}
    if frame:
        image["frame"] = frame
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"image": image, "masks": entries}))


def drawn(size, boxes):
    """The even-odd union of boxes."""
    mask = numpy.zeros((size[1], size[0]), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] ^= True
    return mask


# A box with a hole, and one that touches it; classes are alphabetical: 1 cyst, 2 lesion.
LESION = [(40, 50, 90, 120), (55, 60, 70, 80)]
CYST = [(100, 90, 131, 99)]
OBJECTS = [("lesion", LESION), ("cyst", CYST)]


@pytest.fixture()
def results(tmp_path):
    size = Image.open(IMAGE).size
    result(tmp_path / "results", "a", IMAGE, size, OBJECTS)
    return tmp_path, size


def test_coco(results):
    coco = pytest.importorskip("pycocotools.coco")
    folder, size = results
    samus("data", "export", "coco", folder / "results", "-o", folder / "out")
    data = coco.COCO(str(folder / "out" / "annotations.json"))
    assert [c["name"] for c in data.loadCats(data.getCatIds())] == ["cyst", "lesion"]
    image = data.loadImgs(data.getImgIds())[0]
    assert Image.open(folder / "out" / image["file_name"]).size == size
    for annotation in data.loadAnns(data.getAnnIds()):
        boxes = LESION if annotation["category_id"] == 2 else CYST
        mask = data.annToMask(annotation) > 0
        assert numpy.array_equal(mask, drawn(size, boxes))
        assert annotation["area"] == mask.sum()
        rows, columns = numpy.nonzero(mask)
        assert annotation["bbox"] == [
            columns.min(), rows.min(), numpy.ptp(columns) + 1, numpy.ptp(rows) + 1]


def test_labelme(results):
    label_file = pytest.importorskip("labelme._label_file")
    folder, size = results
    samus("data", "export", "labelme", folder / "results", "--tolerance", "0", "-o", folder / "out")
    found = label_file.LabelFile(str(folder / "out" / f"{IMAGE.stem}.json"))
    assert found.imagePath == IMAGE.name
    shapes = {shape["label"]: shape for shape in found.shapes}
    assert shapes["lesion"]["shape_type"] == "mask" and shapes["cyst"]["shape_type"] == "polygon"
    (x0, y0), (x1, y1) = (map(int, point) for point in shapes["lesion"]["points"])
    mask = numpy.zeros((size[1], size[0]), bool)
    mask[y0:y1 + 1, x0:x1 + 1] = shapes["lesion"]["mask"]
    assert numpy.array_equal(mask, drawn(size, LESION))


@pytest.mark.parametrize("format", ["nifti", "nrrd", "nnunet"])
def test_volumes(format, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    nrrd = pytest.importorskip("nrrd")
    itk = pytest.importorskip("SimpleITK")
    if not CINE.exists():
        pytest.skip("../shared/data is absent")
    source = nibabel.load(CINE)
    size = source.shape[:2]
    for frame in (3, 7):
        result(tmp_path / "results", f"a4c_sequence.frame000{frame}", CINE, size, OBJECTS, frame)
    samus("data", "export", format, tmp_path / "results", "-o", tmp_path / "out")
    expected = numpy.zeros(source.shape, numpy.uint8)
    for frame in (2, 6):
        expected[..., frame][drawn(size, LESION).T] = 2
        expected[..., frame][drawn(size, CYST).T] = 1
    name = {"nifti": "labels/a4c_sequence.nii.gz", "nrrd": "labels/a4c_sequence.seg.nrrd",
            "nnunet": "labelsTr/a4c_sequence.nii.gz"}[format]
    path = str(tmp_path / "out" / name)
    if format == "nrrd":
        values, header = nrrd.read(path, index_order="F")
        assert header["Segment1_Name"] == "lesion" and header["Segment1_LabelValue"] == "2"
        assert numpy.array_equal(values.reshape(expected.shape), expected)
    else:
        label = nibabel.load(path)
        assert numpy.array_equal(numpy.asarray(label.dataobj), expected)
        assert numpy.allclose(label.affine, source.affine, atol=1e-5)
        assert label.header.get_zooms() == source.header.get_zooms()
    # ITK, which 3D Slicer uses, has both on one grid.
    read = itk.ReadImage(path)
    original = itk.ReadImage(str(CINE))
    assert numpy.array_equal(
        itk.GetArrayFromImage(read).reshape(expected.T.shape), expected.transpose())
    assert numpy.allclose(read.GetSpacing()[:2], original.GetSpacing()[:2], atol=1e-5)
    assert numpy.allclose(read.GetOrigin()[:2], original.GetOrigin()[:2], atol=1e-4)
    if format == "nnunet":
        dataset = json.loads((tmp_path / "out" / "dataset.json").read_text())
        assert dataset["labels"] == {"background": 0, "cyst": 1, "lesion": 2}
        assert dataset["file_ending"] == ".nii.gz" and dataset["numTraining"] == 1
