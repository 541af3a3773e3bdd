"""Dice on the test images of eight datasets: two trainings, what they start from, two formulas.

Trains LiteMedSAM's decoder and a small SAMUS, evaluates both, LiteMedSAM and two formulas that fill
the box, and prints the tables of Docs/Results.md. DATA holds the eight datasets in US30K layout;
FOLDER receives runs and reports. Takes about two hours on 2 cores. Finished steps are skipped, so that
it can be stopped at any time and started again. Needs no PyTorch.
"""

import json
import os
import pathlib
import shutil
import subprocess

from . import common

HEADING = None
TITLES = {
    ("fixed", "single"): "Fixed point (the authors' test)",
    ("random:5", "mean"): "Five random points, mean",
    ("random:5", "worst"): "Five random points, the worst of each object",
    ("box", "single"): "Box",
    ("box:10%", "single"): "Box grown by 10 %",
}
# Only datasets whose licence allows passing images on, so that these weights may be passed on too.
LITEMEDSAM_ULTRASOUND = """
    --recipe decoder --from litemedsam --sets=-Echo-CAMUS,ThyroidNodule-DDTI --variants 4
    --augment authors --precision bf16 --batch 8 --optimizer adamw --weight-decay 0.01
    --learning-rate 2e-4 --schedule cosine --warm-up 40 --ema 0.995 --clip 1 --epochs 20
    --prompts click*4,box*3,corrections:1*2,clicks:3,background:1 --licence Apache-2.0
""".split()
# From random weights, except for LiteMedSAM's decoder and prompt encoder; its encoder is the teacher.
SAMUS_SMALL = """
    --recipe full --network samus --width 192 --depth 12 --decoder-from litemedsam
    --teacher litemedsam --teacher-weight 2 --variants 3 --augment authors --precision bf16 --batch 4
    --optimizer adamw --weight-decay 0.05 --learning-rate 4e-4 --schedule cosine --warm-up 60
    --ema 0.995 --clip 1 --dice-per-image --epochs 7 --validation-fraction 0.5
    --prompts click*4,box*3,corrections:1
""".split()
ALL_PROMPTS = "fixed,random:5,box,box:10%"


def add_options(parser):
    parser.add_argument("data", type=pathlib.Path, metavar="DATA")
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=os.cpu_count())


class Experiment:
    """Runs `samus` for one data folder and one output folder."""

    def __init__(self, options):
        self.samus = common.programs(options, "samus", "samus-train") / "samus"
        self.data, self.folder, self.threads = options.data, options.folder, str(options.threads)

    def train(self, name, arguments):
        """Starts or resumes a run, unless it is finished."""
        summary = self.folder / name / "summary.json"
        if summary.exists() and '"finished"' in summary.read_text():
            return
        subprocess.run(
            [self.samus, "train", "--data", self.data, "--project", self.folder, "--name", name,
             "--continue", "--threads", self.threads, *arguments], check=True)

    def evaluate(self, name, *arguments):
        """Writes a report, unless it exists; returns its path."""
        report = self.folder / "reports" / name
        if not (report / "report.json").exists():
            # An evaluation that is stopped leaves an incomplete report under the other name.
            partial = report.with_name(f"{name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            subprocess.run(
                [self.samus, "evaluate", "--data", self.data, "--split", "test", "--output",
                 partial, *arguments], check=True)
            partial.rename(report)
        return report / "report.json"


def run(options):
    common.let_threads_sleep()
    experiment = Experiment(options)
    folder, samus = experiment.folder, experiment.samus
    (folder / "reports").mkdir(parents=True, exist_ok=True)
    experiment.train("litemedsam-ultrasound", LITEMEDSAM_ULTRASOUND)
    experiment.train("samus-small", SAMUS_SMALL)
    # The file that the repository ships.
    half = folder / "litemedsam-ultrasound.safetensors"
    if not half.exists():
        subprocess.run(
            [samus, "convert", folder / "litemedsam-ultrasound/weights/best.safetensors", half,
             "--to-half", "--license", "Apache-2.0"], check=True)

    threads = ["--threads", experiment.threads]
    reports = {
        name: experiment.evaluate(name, "--model", name, "--prompt", "box,box:10%")
        for name in ["filled-box", "ellipse"]}
    for name, model in [
            ("litemedsam", "litemedsam"), ("litemedsam-ultrasound", half),
            ("samus-small", folder / "samus-small/weights/best.safetensors")]:
        reports[name] = experiment.evaluate(
            name, "--model", model, *threads, "--prompt", ALL_PROMPTS)
    for name in ["litemedsam-ultrasound", "samus-small"]:
        subprocess.run(
            [samus, "compare", reports["litemedsam"], reports[name], "--output",
             folder / f"reports/litemedsam-and-{name}", "--force"], check=True)
    return tables(reports)


def tables(reports):
    """Markdown: a table for each prompt, and one of the times.

    A table has a row for each dataset and class, one for all cases, and one for the mean over the
    rows before, each of which counts once.
    """
    reports = {name: json.loads(path.read_text()) for name, path in reports.items()}
    columns = {name: dice(report) for name, report in reports.items()}
    last = list(reports.values())[-1]
    lines = [f"Measured on {last['machine']}; {last['notice']}."]
    for variant, title in TITLES.items():
        found = {name: rows[variant] for name, rows in columns.items() if variant in rows}
        if found:
            lines += dice_table(title, found)
    lines += ["", "### Seconds per image", "| model | encoder | each prompt | runtime |",
              "|---|---:|---:|---|"]
    for name, report in reports.items():
        speed = report.get("speed")
        # The baselines encode nothing.
        if speed and speed["encode_seconds"] > 1e-3:
            lines.append(f"| {name} | {speed['encode_seconds']:.3f} | "
                         f"{speed['mask_seconds']:.3f} | {report['source']['runtime']} |")
    return "\n".join(lines)


def dice(report):
    """Mean Dice and number of cases, by prompt and then by dataset and class; None for all."""
    found = {}
    classes = {(case["dataset"], case["label"]) for case in report["cases"]}
    one_class = {name for name, _ in classes if sum(other == name for other, _ in classes) == 1}
    for row in report["summaries"]:
        if row["metric"] != "dice" or row["basis"] != "cases":
            continue
        name, label = row.get("dataset"), row.get("label")
        if name is not None and label is None:
            if name not in one_class:
                continue
            label = next(other for dataset, other in classes if dataset == name)
        variant = (row["variant"]["prompt"], row["variant"]["reduction"])
        key = None if name is None else (name, label)
        statistics = row["statistics"]
        found.setdefault(variant, {})[key] = (statistics["mean"], statistics["count"])
    return found


def dice_table(title, columns):
    """One prompt's table; the best value of a row is bold."""
    first = next(iter(columns.values()))
    keys = sorted({key for rows in columns.values() for key in rows if key is not None})
    several_classes = {name for name, label in keys if label > 1}

    def cells(values):
        return " | ".join(
            f"**{value:.3f}**" if len(values) > 1 and value == max(values) else f"{value:.3f}"
            for value in values)

    lines = ["", f"### {title}", "| dataset, class | cases | " + " | ".join(columns) + " |",
             "|---|---:|" + "---:|" * len(columns)]
    for name, label in keys:
        row_title = f"{name} {label}" if name in several_classes else name
        values = [rows[name, label][0] for rows in columns.values()]
        lines.append(f"| {row_title} | {first[name, label][1]} | {cells(values)} |")
    lines.append(f"| all cases | {first[None][1]} | "
                 f"{cells([rows[None][0] for rows in columns.values()])} |")
    means = [sum(rows[key][0] for key in keys) / len(keys) for rows in columns.values()]
    lines.append(f"| mean of the rows | {len(keys)} | {cells(means)} |")
    return lines
