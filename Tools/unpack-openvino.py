"""Unpacks from OpenVINO's wheel only its libraries: unpack-openvino.py DESTINATION WHEEL...

Beside unpack-wheels.py, which it uses, and not in it: libtorch's stamp holds that script, and a change
of it would download libtorch anew in every checkout.
"""

import fnmatch
import importlib
import sys
import zipfile

# How members are unpacked is the same; which, and where to, is not.
wheels = importlib.import_module("unpack-wheels")

# What `Inference` loads: the core with its C functions, the readers of ONNX and of OpenVINO's own
# format, the processors that there are, and the threads' libraries. Not the readers of other
# formats, nor headers and Python.
WANTED = [
    "libopenvino.*", "libopenvino_c.*", "libopenvino_onnx_frontend.*", "libopenvino_ir_frontend.*",
    "libopenvino_intel_cpu_plugin.*", "libopenvino_arm_cpu_plugin.*",
    "libopenvino_intel_gpu_plugin.*", "libopenvino_intel_npu_plugin.*", "cache.json",
    "libopenvino_auto_plugin.*", "libopenvino_auto_batch_plugin.*", "libopenvino_hetero_plugin.*",
    "libtbb.*", "libtbbbind*", "libtbbmalloc.*", "libhwloc.*",
]


def destination(name):
    """Where a member goes, or nothing when it is not wanted."""
    folder, _, base = name.rpartition("/")
    if folder == "openvino/libs" and any(fnmatch.fnmatchcase(base, p) for p in WANTED):
        return name
    top, _, rest = name.partition("/")
    if top.endswith(".dist-info") and rest.startswith("licenses/"):
        return "licenses/" + top[: -len(".dist-info")] + "/" + rest
    return None


if __name__ == "__main__":
    wheels.destination = destination
    try:
        wheels.main(sys.argv[1], sys.argv[2:])
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit("unpacking failed: {}".format(error))
