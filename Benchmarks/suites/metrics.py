"""Time of the Hausdorff distance, and of all metrics of a pair of masks, on one core.

Figures are medians of 31 runs, in milliseconds of processor time, so that other programs on the
machine matter little. Needs no PyTorch.
"""

import subprocess

from . import common

HEADING = "## Metrics"


def add_options(parser):
    pass


def run(options):
    bench = common.programs(options, "samus-bench") / "samus-bench"
    lines = ["| masks | size | Hausdorff distance | all metrics |", "|---|---|---|---|"]
    for size in [256, 1000]:
        done = subprocess.run(
            [bench, "metrics-time", str(size)], check=True, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            name, *seconds = line.split("\t")
            hausdorff, scores = (f"{float(second) * 1e3:.2f} ms" for second in seconds)
            lines.append(f"| {name} | {size}x{size} | {hausdorff} | {scores} |")
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py metrics`, {common.machine()}, release build, one core.",
        "Median processor time of 31 runs. Targets for the Hausdorff distance: 2 ms at 256x256, 20 ms "
        "at 1000x1000. Noise is not a realistic segmentation; it is the worst case.",
        "", *lines, ""])
