"""The included models in turns: encoding an image and decoding clicks, by samus bench.

The ratios are those of the lowest times, which other work on the machine affects least. Needs no PyTorch.
"""

import json
import statistics
import subprocess

from . import common

HEADING = "## samus-lite beside LiteMedSAM"
MODELS = ["litemedsam", "samus-lite"]
WORK = [("encode", "encode an image"), ("decode", "a click on an encoded image"),
        ("decode_clicks64", "64 clicks on an encoded image")]


def add_options(parser):
    parser.add_argument("--threads", default="1")
    parser.add_argument("--rounds", type=int, default=3)


def run(options):
    samus = common.programs(options, "samus") / "samus"
    found = {model: [] for model in MODELS}
    for _ in range(options.rounds):
        for model in MODELS:
            text = subprocess.run(
                [samus, "bench", model, "--threads", options.threads, "--repeat", "5", "--json"],
                capture_output=True, text=True, check=True).stdout
            found[model].append(json.loads(text))
    lines = [f"{options.rounds} rounds, OpenVINO f32, {options.threads} thread of {common.machine()}.", "",
             "| | litemedsam | samus-lite | ratio |", "|---|---:|---:|---:|"]
    for key, title in WORK:
        for kind in ["min", "median"]:
            values = [[report[key][kind] for report in found[model]] for model in MODELS]
            one, other = map(min if kind == "min" else statistics.median, values)
            name = "lowest" if kind == "min" else "median of the medians"
            lines.append(f"| {title}, {name} | {1000 * one:.1f} ms | {1000 * other:.1f} ms | "
                         f"{other / one:.3f} |")
    return "\n".join(lines)
