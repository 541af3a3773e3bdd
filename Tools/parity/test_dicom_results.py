"""`samus segment --format dicom-seg,sr` against the programs that read such files.

highdicom and pydicom read the masks, which must equal the PNG masks of the same run bit by bit, and the
measurements, which must equal those of `samus measure`. dicomweb-client stores both in an Orthanc and
gets them back. `samus data import dicom-seg` gives the masks back, also of a file that highdicom wrote.

Not part of `make peers`: install pydicom 3, highdicom 0.28 and dicomweb-client into .deps/peers, and the
Debian packages orthanc and orthanc-dicomweb, or the tests are skipped.
"""

import json
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request

import numpy
import pytest
from PIL import Image
from samus_command import DATA, ROOT, read_mask, run, segment

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")

FIXTURES = ROOT / "Tests" / "Fixtures" / "dicom"
# Single images and cines of each kind of pixels, with a box on each.
SOURCES = [
    (FIXTURES / "grey8.dcm", "10,6,30,20"),
    (FIXTURES / "palette.dcm", "10,6,30,20"),
    (FIXTURES / "jpeg-cine.dcm", "10,6,30,20"),
    (FIXTURES / "jpeg2000-fragments.dcm", "9,5,30,20"),
    (DATA / "dicom" / "examples_palette.dcm", "300,120,420,220"),
    (DATA / "dicom" / "examples_rgb_color.dcm", "100,80,180,150"),
    (DATA / "dicom" / "examples_ybr_color.dcm", "100,80,180,150"),
    (DATA / "dicom" / "US1_UNCR.dcm", "200,150,330,260"),
]
NAMES = {
    "area": ("Area", "mm2"), "long_axis": ("Long Axis", "mm"), "short_axis": ("Short Axis", "mm"),
    "perimeter": ("Perimeter", "mm"),
}


class Results:
    """What one run wrote about a DICOM file."""

    def __init__(self, source, box, folder):
        self.source = pydicom.dcmread(source)
        self.frames = int(self.source.get("NumberOfFrames", 1))
        # Two objects that overlap.
        x0, y0, x1, y1 = map(float, box.split(","))
        point = f"{(x0 + x1) / 2},{(y0 + y1) / 2}"
        segment(
            source, "--frame", "all", "--object", "--box", box, "--point", point, "--format",
            "png,json,dicom-seg,sr", "--min-presence", "0", "--output", folder)
        self.folder = folder
        self.name = pathlib.Path(source).stem
        self.seg = folder / f"{self.name}.seg.dcm"
        self.report = folder / f"{self.name}.sr.dcm"

    def frame_name(self, frame):
        return f"{self.name}.frame{frame:04}" if self.frames > 1 else self.name

    def mask(self, frame, number):
        return read_mask(self.folder / f"{self.frame_name(frame)}.object{number}.mask.png")


@pytest.fixture(scope="module", params=SOURCES, ids=lambda source: source[0].stem)
def results(request, tmp_path_factory):
    source, box = request.param
    if not source.exists():
        pytest.skip("../shared/data is absent")
    return Results(source, box, tmp_path_factory.mktemp("results"))


def test_masks_are_bit_exact(results):
    seg = highdicom.seg.segread(results.seg)
    assert list(seg.segment_numbers) == [1, 2]
    found = 0
    for number in (1, 2):
        frames = list(range(1, results.frames + 1))
        if results.frames > 1:
            pixels = seg.get_pixels_by_source_frame(
                results.source.SOPInstanceUID, frames, segment_numbers=[number])
        else:
            pixels = seg.get_pixels_by_source_instance(
                [results.source.SOPInstanceUID], segment_numbers=[number])
        for frame, mask in zip(frames, pixels[..., 0]):
            assert numpy.array_equal(mask > 0, results.mask(frame, number)), (frame, number)
            found += int(mask.sum())
    assert found > 0
    # pydicom alone, which knows nothing of segments.
    expected = numpy.stack(
        [results.mask(frame, number) for number in (1, 2) for frame in frames])
    pixels = pydicom.dcmread(results.seg).pixel_array.reshape(expected.shape)
    assert numpy.array_equal(pixels > 0, expected)


def test_patient_and_provenance(results):
    seg = pydicom.dcmread(results.seg)
    for keyword in ("PatientName", "PatientID", "PatientSex", "StudyInstanceUID", "StudyDate"):
        assert seg.get(keyword, "") == results.source.get(keyword, ""), keyword
    assert seg.ContentQualification == "RESEARCH"
    assert "research use only" in seg.SeriesDescription
    record = json.loads((results.folder / f"{results.frame_name(1)}.json").read_text())
    for item in seg.SegmentSequence:
        assert item.SegmentAlgorithmType == "SEMIAUTOMATIC"
        algorithm = item.SegmentationAlgorithmIdentificationSequence[0]
        parameters = json.loads(algorithm.AlgorithmParameters)
        assert parameters["weights_sha256"] == record["model"]["sha256"]
        assert {entry["object"] for entry in parameters["prompts"]} == {1, 2}
    if seg.LossyImageCompression == "01":
        assert float(seg.LossyImageCompressionRatio) > 1


def test_measurements_are_those_of_samus_measure(results):
    report = highdicom.sr.srread(results.report)
    groups = report.content.get_planar_roi_measurement_groups()
    assert len(groups) == 2 * results.frames
    measured = results.folder / "measured.json"
    names = [results.folder / f"{results.frame_name(n)}.json" for n in range(1, results.frames + 1)]
    run("samus", "measure", *names, "--output", measured, "--force")
    expected = {
        (entry.get("frame", 1), entry["object"]): entry
        for entry in json.loads(measured.read_text())["measurements"]}
    seg = highdicom.seg.segread(results.seg)
    for group in groups:
        region = group.referenced_segmentation_frame
        assert region.referenced_sop_instance_uid == seg.SOPInstanceUID
        frame = seg.PerFrameFunctionalGroupsSequence[region.referenced_frame_numbers[0] - 1]
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == results.source.SOPInstanceUID
        entry = expected.pop((int(source.get("ReferencedFrameNumber", 1)), number))
        found = {item.name.meaning: item for item in group.get_measurements()}
        if entry["unit"] == "px" or entry["pixel_area"] == 0:
            assert not found
            continue
        assert set(found) == {name for name, _ in NAMES.values()}
        for key, (name, unit) in NAMES.items():
            assert found[name].unit.value == unit
            assert found[name].value == pytest.approx(entry["quantities"][key]["value"], rel=1e-9)
    assert not expected


def imported(folder, root):
    """Labels that `samus data import dicom-seg` makes, by name."""
    run("samus", "data", "import", "dicom-seg", folder, root, "--name", "Back")
    return {
        file.stem: numpy.asarray(Image.open(file)) for file in (root / "Back" / "label").glob("*")}


def test_import_gives_the_masks_back(results, tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copy(results.source.filename, folder)
    shutil.copy(results.seg, folder)
    labels = imported(folder, tmp_path / "root")
    assert len(labels) == results.frames
    for frame in range(1, results.frames + 1):
        first, second = (results.mask(frame, number) for number in (1, 2))
        # Where objects overlap, the later one counts.
        expected = numpy.where(second, 2, numpy.where(first, 1, 0))
        assert numpy.array_equal(labels[results.frame_name(frame)], expected), frame


def test_import_of_a_seg_by_highdicom(tmp_path):
    source = pydicom.dcmread(FIXTURES / "grey8.dcm")
    for keyword in ("ReferringPhysicianName", "PatientBirthDate", "PatientSex"):
        source.setdefault(keyword, "")
    mask = numpy.zeros((1, source.Rows, source.Columns), bool)
    mask[0, 5:21, 7:30] = True
    code = highdicom.sr.CodedConcept("85756007", "SCT", "Tissue")
    algorithm = highdicom.AlgorithmIdentificationSequence(
        "test", highdicom.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"), "1")
    uid = highdicom.UID
    seg = highdicom.seg.Segmentation(
        [source], mask, "BINARY",
        [highdicom.seg.SegmentDescription(
            1, "nodule", code, code, "AUTOMATIC", algorithm)],
        uid(), 1, uid(), 1, "test", "test", "1", "1")
    seg.save_as(tmp_path / "by-highdicom")
    shutil.copy(FIXTURES / "grey8.dcm", tmp_path)
    label = imported(tmp_path, tmp_path.parent / f"{tmp_path.name}-root")["grey8"]
    assert numpy.array_equal(label > 0, mask[0])


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    """A DICOMweb client of an Orthanc on a free port."""
    web = pytest.importorskip("dicomweb_client.api")
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin")
    plugin = pathlib.Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
    if not program or not plugin.exists():
        pytest.skip("Orthanc is missing: Debian packages orthanc and orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("orthanc")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "orthanc.json").write_text(json.dumps({
        "Name": "test", "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"),
        "HttpPort": port, "DicomServerEnabled": False, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}))
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/system", timeout=1)
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.2)
        yield web.DICOMwebClient(f"http://127.0.0.1:{port}/dicom-web")
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_orthanc_stores_and_returns_both(results, orthanc):
    source = results.source
    files = [pydicom.dcmread(path) for path in (results.seg, results.report)]
    # A second time changes nothing: the UIDs are the same.
    for _ in range(2):
        orthanc.store_instances([source, *files])
    series = orthanc.search_for_series(source.StudyInstanceUID, fields=["Modality"])
    found = {item["00080060"]["Value"][0] for item in series}
    assert {"SEG", "SR"} <= found
    for file in files:
        returned = orthanc.retrieve_instance(
            file.StudyInstanceUID, file.SeriesInstanceUID, file.SOPInstanceUID,
            media_types=(("application/dicom", "*"),))
        assert returned == file
