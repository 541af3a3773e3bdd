"""Head circumferences of `samus measure` on HC18's labels against those in HC18's own table.

--data is a folder in US30K layout, with label/ and an index.csv that has mm_x and hc_mm.
"""

import csv
import math
import pathlib
import statistics
import subprocess
import tempfile

from . import common

HEADING = "## Head circumference"


def add_options(parser):
    parser.add_argument("--data", type=pathlib.Path, metavar="FOLDER", required=True)


def measured(samus, data, folder):
    """Circumference in mm of each label, by its name."""
    table = f"{folder}/heads.csv"
    subprocess.run(
        [samus, "measure", data / "label", "--spacing-table", data / "index.csv", "--output", table],
        check=True, stdout=subprocess.DEVNULL)
    with open(table, newline="") as file:
        return {pathlib.Path(row["source"]).stem: float(row["ellipse_circumference"])
                for row in csv.DictReader(file)}


def run(options):
    samus = common.programs(options, "samus") / "samus"
    with tempfile.TemporaryDirectory() as folder:
        found = measured(samus, options.data, folder)
    with open(options.data / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    # The labels were filled from outlines and reduced: their boundary lies half a pixel outside.
    as_drawn, corrected = [], []
    for row in rows:
        error = found[row["name"]] - float(row["hc_mm"])
        as_drawn.append(error)
        corrected.append(error - math.pi * float(row["mm_x"]))

    def line(title, errors):
        sizes = [abs(error) for error in errors]
        return (f"| {title} | {statistics.mean(errors):.2f} mm | {statistics.mean(sizes):.2f} mm | "
                f"{max(sizes):.2f} mm |")

    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py heads --data FetalHead-HC18`: `samus measure` on {len(rows)} labels, against the "
        "circumferences that HC18 states.",
        "The labels were filled from drawn ellipses and reduced to 320 pixels, which moved their boundary "
        "outwards by half a pixel; the second row takes half a pixel off each radius.", "",
        "| ellipse | mean error | mean absolute error | largest |", "|---|---|---|---|",
        line("fitted to the label", as_drawn), line("half a pixel inside of it", corrected), ""])
