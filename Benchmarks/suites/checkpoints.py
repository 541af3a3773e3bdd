"""Loading a 375 MB checkpoint in Swift and in PyTorch, each time in a new process, in turns.

Figures are seconds, with the file in the system's cache, and the peak of memory above that of the
process before, as a multiple of the file. PyTorch loads with weights_only=True.
"""

import os
import statistics
import subprocess
import sys
import tempfile

from . import common

HEADING = "## Checkpoints"


def add_options(parser):
    parser.add_argument("--rounds", type=int, default=7)


def run(options):
    bench = common.programs(options, "samus-bench") / "samus-bench"
    peer = common.PEERS / "checkpoints.py"
    lines = ["| file | | seconds | peak memory / file |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        files = {"zip format": f"{folder}/zip.pth", "pre-1.6 format": f"{folder}/legacy.pth"}
        subprocess.run([common.python(), peer, "write", *files.values()], check=True)
        for title, file in files.items():
            size = os.path.getsize(file)
            commands = {"Swift": [bench, "load", file],
                        "PyTorch": [common.python(), peer, "load", file]}
            figures = {side: [] for side in commands}
            for _ in range(options.rounds):
                for side, command in commands.items():
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    figures[side].append([float(word) for word in done.stdout.split()])
            if figures["Swift"][0][1] != figures["PyTorch"][0][1]:
                sys.exit(f"{file}: the two sides did not load the same number of bytes")
            for side in commands:
                seconds = statistics.median(figure[0] for figure in figures[side])
                peak = max(figure[2] for figure in figures[side]) / size
                lines.append(f"| {title}, {size / 1e6:.0f} MB | {side} | {seconds:.2f} | {peak:.2f} |")
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py checkpoints --rounds {options.rounds}`, {common.machine()}, release "
        "build.",
        "Median of the times, largest of the peaks; a new process each time, in turns. Swift checks "
        "every checksum.", "", *lines, ""])
