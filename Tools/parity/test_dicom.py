"""Every frame of ../shared/data/dicom against pydicom and its decoders: the same pixels.

pydicom is not part of `make peers`: install pydicom 3 with pylibjpeg-openjpeg, pylibjpeg-libjpeg and
pylibjpeg-rle into .deps/peers, or the tests are skipped. Two files are compared with another file
instead, because pydicom 3.0.2 decodes a big-endian palette wrongly.
"""

import json
import shutil
import subprocess

import numpy
import pytest
from samus_command import PROGRAMS

pydicom = pytest.importorskip("pydicom")
pixels = pytest.importorskip("pydicom.pixels")

# Decoded wrongly by pydicom -> the same image in little endian.
BIG_ENDIAN_PALETTES = {"OBXXXX1A_expb.dcm": "OBXXXX1A.dcm"}


def ours(file):
    """The frames that samus-dicom decodes."""
    with open(file, "rb") as handle:
        output = subprocess.run(
            [PROGRAMS / "samus-dicom", "frames", "0", "1000000"], stdin=handle, check=True,
            capture_output=True).stdout
    line, frames = output.split(b"\n", 1)
    image = json.loads(line)["image"]
    shape = (image["height"], image["width"], image["channels"])
    # Every frame begins with a byte 0.
    frames = numpy.frombuffer(frames, numpy.uint8).reshape(image["frames"], -1)
    assert not frames[:, 0].any()
    return frames[:, 1:].reshape(image["frames"], *shape)


def theirs(file):
    data = pydicom.dcmread(file)
    # libjpeg-turbo, through Pillow, rounds YCbCr as DCMTK does.
    baseline = data.file_meta.TransferSyntaxUID == pydicom.uid.JPEGBaseline8Bit
    found = pixels.pixel_array(data, decoding_plugin="pillow" if baseline else "")
    if data.PhotometricInterpretation == "PALETTE COLOR":
        found = pixels.apply_color_lut(found, data)
        found = found if found.dtype == numpy.uint8 else (found >> 8).astype(numpy.uint8)
    return found


def test_pixels_equal_pydicom(data):
    files = sorted((data / "dicom").glob("*.dcm"))
    assert len(files) == 18
    for file in files:
        expected = theirs(file.with_name(BIG_ENDIAN_PALETTES.get(file.name, file.name)))
        found = ours(file)
        assert numpy.array_equal(found, expected.reshape(found.shape)), file.name


def errors(file):
    """What dciodvfy objects to."""
    report = subprocess.run(["dciodvfy", "-new", file], capture_output=True, text=True).stderr
    return {line for line in report.splitlines() if line.startswith("Error")}


@pytest.mark.skipif(not shutil.which("dciodvfy"), reason="dciodvfy is missing (dicom3tools)")
@pytest.mark.parametrize(
    "name", ["color3d_jpeg_baseline", "OBXXXX1A_rle_2frame", "gdcm-US-ALOKA-16",
             "JPGLosslessP14SV1_1s_1f_8b"])
def test_deidentified_files_are_valid(data, tmp_path, name):
    source = data / "dicom" / f"{name}.dcm"
    subprocess.run(
        [PROGRAMS / "samus", "deidentify", source, "--output", tmp_path], check=True,
        capture_output=True)
    result, = tmp_path.glob("*/*.dcm")
    # A source without frame times stays without them.
    assert errors(result) <= errors(source)
    before, after = pydicom.dcmread(source), pydicom.dcmread(result)
    assert not any(element.tag.is_private for element in after)
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "SOPInstanceUID"):
        assert after[keyword].value != before[keyword].value, keyword
    assert numpy.array_equal(ours(result), theirs(result).reshape(ours(result).shape))
