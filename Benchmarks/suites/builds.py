"""This build of SAMUS for Swift against another build of it, such as that of an earlier commit.

The other build is a release build in a checkout of its own: --other names its folder of programs. Both
take turns in one run. Measured are libtorch, model bundles and whole processes, with one image each.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import common
from .common import Worker, compare, log, relative_difference

HEADING = "## Two builds"
# Title, arguments of samus-bench but for the threads (`{}` is the file of SAMUS's weights), measurement,
# share of the rounds.
ROWS = [
    ("SAMUS ViT-B on libtorch, image encoder, f32", ["samus", "{}"], "encode", 1),
    ("SAMUS ViT-B, training step, batch 2, f32", ["training", "{}", "2"], "step", 0.4),
    ("LiteMedSAM on libtorch, image encoder, f32", ["litemedsam", common.LITEMEDSAM_WEIGHTS], "encode", 1),
    ("LiteMedSAM on libtorch, a prompt on an encoded image", ["litemedsam", common.LITEMEDSAM_WEIGHTS],
     "prompt", 3),
    ("ViT block 1x1024x768, training step", ["litemedsam", common.LITEMEDSAM_WEIGHTS], "step", 2),
    ("add of 4 floats", ["litemedsam", common.LITEMEDSAM_WEIGHTS], "add", 4),
]
BUNDLE_ROWS = [
    ("LiteMedSAM's bundle, image encoder, f32", "encode", 2),
    ("LiteMedSAM's bundle, a prompt on an encoded image", "prompt", 4),
]


def add_options(parser):
    parser.add_argument(
        "--other", type=pathlib.Path, metavar="FOLDER", required=True,
        help="folder of the other build's samus, samus-train and samus-bench")
    parser.add_argument(
        "--bundle", type=pathlib.Path, metavar="BUNDLE", default=common.ROOT / "Models/litemedsam.samus",
        help="a bundle of LiteMedSAM that both builds read (default: the shipped one)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)


def row(title, here, there, ratio, low, high):
    line = f"| {title} | {here:.3g} s | {there:.3g} s | {ratio:.3f} | {low:.3f} to {high:.3f} |"
    log(line)
    return line


class Process:
    """A whole process of one build, from its start to its mask; measured like a worker."""

    def __init__(self, programs, bundle, folder):
        self.program, self.bundle, self.folder = programs / "samus", bundle, folder
        os.makedirs(folder, exist_ok=True)

    def measure(self, name):
        command = [self.program, "segment", common.EXAMPLE_IMAGE, "--model", self.bundle,
                   "--box", "150,48,208,140", "--output", self.folder, "--force"]
        cache = f"{self.folder}/cache"
        if name == "cold":
            shutil.rmtree(cache, ignore_errors=True)
        started = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=os.environ | {"SAMUS_CACHE": cache})
        return time.monotonic() - started


def run(options):
    ours = common.programs(options, "samus", "samus-train", "samus-bench")
    theirs = options.other.resolve()
    common.let_threads_sleep()
    threads = str(options.threads)
    lines = ["| work | this build | other build | ratio | quartiles of the ratios |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        weights = f"{folder}/samus.pth"
        common.write_formula_weights(weights)
        for title, arguments, name, share in ROWS:
            command = [arguments[0], threads, *(str(each).format(weights) for each in arguments[1:])]
            with Worker(ours / "samus-bench", *command) as here, \
                    Worker(theirs / "samus-bench", *command) as there:
                found = compare(name, here, there, max(3, round(options.rounds * share)))
            lines.append(row(title, *found))
        command = ["bundle", threads, "f32", options.bundle]
        with Worker(ours / "samus-bench", *command) as here, \
                Worker(theirs / "samus-bench", *command) as there:
            difference = relative_difference(here.measure("logits"), there.measure("logits"))
            for title, name, share in BUNDLE_ROWS:
                found = compare(name, here, there, max(3, round(options.rounds * share)))
                lines.append(row(title, *found))
        here = Process(ours, options.bundle, f"{folder}/here")
        there = Process(theirs, options.bundle, f"{folder}/there")
        for title, name in [("segment with a box, from start to mask", "cold"),
                            ("the same, model compiled before", "warm")]:
            found = compare(name, here, there, 2 * options.rounds)
            lines.append(row(title, *found))
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py builds --other FOLDER --threads {options.threads} --rounds {options.rounds}`, "
        f"{common.machine()}, release builds.",
        "Check that both run the bundle alike: relative difference of the sums of its logits "
        f"{difference:.1e}.",
        "", *lines, ""])
