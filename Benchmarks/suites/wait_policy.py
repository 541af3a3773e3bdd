"""Idle libtorch threads that sleep (OMP_WAIT_POLICY=PASSIVE, as samus sets it) or spin (ACTIVE).

Segments the example image with each policy in turns, on a machine without other load, and with one
more busy process than half of its cores. Figures are medians of the seconds of the image encoder.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from . import common

HEADING = "## Idle threads"


def add_options(parser):
    parser.add_argument("--rounds", type=int, default=3)


def encoder_seconds(samus, folder, policy):
    """Of each image but the first, which also warms up."""
    subprocess.run(
        [samus, "segment", folder / "in", "--box", "150,48,208,140", "--output", folder / "out",
         "--format", "json", "--force"],
        check=True, capture_output=True, env=os.environ | {"OMP_WAIT_POLICY": policy})
    files = sorted((folder / "out").glob("*.json"))[1:]
    return [json.loads(file.read_text())["times"]["encode"] for file in files]


def run(options):
    samus = common.programs(options, "samus", "samus-train") / "samus"
    busy = os.cpu_count() // 2 + 1
    lines = ["| machine | threads sleep | threads spin | ratio |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "in").mkdir()
        for index in range(5):
            shutil.copy(common.EXAMPLE_IMAGE, folder / "in" / f"{index}.png")
        for title, count in [("no other load", 0), (f"{busy} busy processes", busy)]:
            load = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                    for _ in range(count)]
            try:
                times = {"PASSIVE": [], "ACTIVE": []}
                for _ in range(options.rounds):
                    for policy, seconds in times.items():
                        seconds.extend(encoder_seconds(samus, folder, policy))
            finally:
                for process in load:
                    process.kill()
            sleep, spin = (statistics.median(times[policy]) for policy in times)
            lines.append(f"| {title} | {sleep:.2f} s | {spin:.2f} s | {sleep / spin:.2f} |")
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py wait-policy --rounds {options.rounds}`, {common.machine()}, release "
        "build, LiteMedSAM on all cores.", "", *lines, ""])
