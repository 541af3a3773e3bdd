"""Accuracy on test lists: samus-lite, LiteMedSAM and two formulas that fill the box.

Evaluates the included samus-lite, LiteMedSAM and the formulas, and prints the tables of
Docs/Results.md: clicks, boxes, corrections, prompts on nothing, and the IoU estimates. DATA holds the
datasets in US30K layout; FOLDER receives the reports. With --train ROOT, samus-lite is first trained on
the datasets of ROOT, which takes days on 2 cores. Finished steps are skipped, so that it can be
stopped at any time and started again. Needs no PyTorch.
"""

import json
import os
import pathlib
import shutil
import subprocess

from . import common

HEADING = None
TITLES = {
    ("fixed", "single"): "Fixed click (the authors' test)",
    ("random:5", "mean"): "Five random clicks, mean",
    ("random:5", "worst"): "Five random clicks, the worst of each object",
    ("box", "single"): "Box",
    ("box:10%", "single"): "Box grown by 10 %",
}
# CAMUS is for non-commercial use and DDTI has no licence text: weights trained with them could not be
# passed on.
NOT_TRAINED_WITH = ["Echo-CAMUS", "ThyroidNodule-DDTI"]
SAMUS_LITE = f"""
    --network samus-lite --from litemedsam --recipe full --sets=-{",".join(NOT_TRAINED_WITH)}
    --prompts interactive:3 --validation-prompts fixed,box --objects pieces --balance 0.5
    --augment gamma,contrast,rotation,flip,zoom,speckle:0.3,tgc,attenuation,haze
    --batch 4 --optimizer adamw --learning-rate 2e-4 --warm-up 300 --weight-decay 0.05 --clip 1
    --ema 0.998 --dice-per-image --positive-weight 1 --epochs 30 --licence Apache-2.0
""".split()
CORRECTIONS = [0, 1, 3, 5]
# Both kinds of prompt of the model's area levels.
UNCERTAIN_PROMPTS = "random:1,box"
PROMPTS = f"fixed,random:5,box,box:10%,corrections:{CORRECTIONS[-1]},nothing:3"


def add_options(parser):
    parser.add_argument("data", type=pathlib.Path, metavar="DATA")
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--split", default="test", help="the list (default: test)")
    parser.add_argument(
        "--model", default="samus-lite", help="the weights to measure (default: samus-lite)")
    parser.add_argument(
        "--train", type=pathlib.Path, metavar="ROOT", help="train samus-lite on these datasets first")


def train(samus, options):
    """Starts or resumes the training of samus-lite, unless it is finished; returns its weights."""
    run = options.folder / "samus-lite"
    summary = run / "summary.json"
    if not summary.exists() or '"finished"' not in summary.read_text():
        subprocess.run(
            [samus, "train", "--data", options.train, "--project", options.folder, "--name",
             run.name, "--continue", "--threads", str(options.threads), *SAMUS_LITE], check=True)
    return run / "weights" / "best.safetensors"


def evaluate(samus, options, name, *arguments):
    """Writes a report, unless it exists; returns it."""
    folder = options.folder / "reports" / name
    if not (folder / "report.json").exists():
        # An evaluation that is stopped leaves an incomplete report under the other name.
        partial = folder.with_name(f"{name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run(
            [samus, "evaluate", "--data", options.data, "--split", options.split, "--output",
             partial, "--threads", str(options.threads), *arguments], check=True)
        partial.rename(folder)
    return json.loads((folder / "report.json").read_text())


def run(options):
    common.let_threads_sleep()
    samus = common.programs(options, "samus", "samus-train") / "samus"
    (options.folder / "reports").mkdir(parents=True, exist_ok=True)
    model = train(samus, options) if options.train else options.model
    reports = {
        name: evaluate(samus, options, name, "--model", name, "--prompt", "box,box:10%")
        for name in ["filled-box", "ellipse"]}
    reports["litemedsam"] = evaluate(
        samus, options, "litemedsam", "--model", "litemedsam", "--prompt",
        "fixed,random:5,box,box:10%")
    lite = evaluate(samus, options, "samus-lite", "--model", model, "--prompt", PROMPTS)
    reports["samus-lite"] = lite
    uncertain = evaluate(
        samus, options, "samus-lite-uncertainty", "--model", model, "--prompt", UNCERTAIN_PROMPTS,
        "--uncertainty")
    return "\n".join(
        [f"Measured on {lite['machine']}; {lite['notice']}."] + summary_table(reports)
        + [line for table in dice_tables(reports) for line in table]
        + interaction_table(lite) + presence_table(lite) + calibration_table(reports)
        + uncertainty_table(uncertain)
        + speed_table(reports))


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


def mean_of_rows(rows, is_trained):
    """The mean over datasets and classes, each of which counts once."""
    values = [value for key, (value, _) in rows.items()
              if key is not None and (key[0] not in NOT_TRAINED_WITH) == is_trained]
    return sum(values) / len(values) if values else None


def number(value):
    return "" if value is None else f"{value:.3f}"


def summary_table(reports):
    """One row a prompt: the mean of the rows of datasets in the training, and of the others."""
    columns = {name: dice(report) for name, report in reports.items()}
    titles = TITLES | {
        (f"corrections:{count}", "single"): f"After {count} correction{'s' * (count > 1)}"
        for count in CORRECTIONS[1:]}
    lines = ["", "### Summary: mean Dice of the rows (datasets in the training; others)",
             "| prompt | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for variant, title in titles.items():
        cells = []
        for rows in columns.values():
            found = rows.get(variant)
            means = [mean_of_rows(found, is_trained) for is_trained in [True, False]] if found else []
            cells.append("; ".join(number(value) for value in means if value is not None))
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def dice_tables(reports):
    """A table for each prompt, with a row for each dataset and class."""
    columns = {name: dice(report) for name, report in reports.items()}
    for variant, title in TITLES.items():
        found = {name: rows[variant] for name, rows in columns.items() if variant in rows}
        if found:
            yield dice_table(title, found)


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
    return lines


def interaction_table(report):
    """Clicks to Dice 0.85, and obeyed clicks."""
    rows = report.get("interaction") or []
    lines = ["", "### Corrections", "| dataset, class | objects | clicks to Dice 0.85 (of at most "
             f"{CORRECTIONS[-1] + 1}) | objects with Dice 0.85 | foreground clicks obeyed | "
             "background clicks obeyed |", "|---|---:|---:|---:|---:|---:|"]
    for row in rows:
        title = " ".join(str(row[key]) for key in ["dataset", "label"] if row.get(key) is not None)
        shares = [row.get(key) for key in ["good", "obeyed_points", "obeyed_background_points"]]
        lines.append(
            f"| {title or 'all'} | {row['count']} | {row['clicks_to_good']:.2f} | "
            + " | ".join("" if share is None else f"{100 * share:.1f} %" for share in shares) + " |")
    return lines


def presence_table(report):
    """How often an object is found, and nothing where there is none."""
    lines = ["", "### Presence", "| prompt | objects kept | empty prompts answered \"nothing found\" |",
             "|---|---:|---:|"]
    for row in report["detection"]:
        # One row for all datasets, then one for each.
        if row.get("dataset") is not None:
            continue
        shares = [
            f"{100 * row[right] / (row[right] + row[wrong]):.1f} %, {row[right]} of "
            f"{row[right] + row[wrong]}" if row[right] + row[wrong] else ""
            for right, wrong in [
                ("true_positives", "false_negatives"), ("true_negatives", "false_positives")]]
        lines.append(f"| {row['prompt']} | {shares[0]} | {shares[1]} |")
    return lines


def calibration_table(reports):
    """The expected calibration error of the IoU estimates."""
    lines = ["", "### IoU estimates", "| model | prompt | masks | mean estimate | mean IoU | expected "
             "calibration error |", "|---|---|---:|---:|---:|---:|"]
    for name, report in reports.items():
        for row in report.get("calibration") or []:
            if row["prompt"].startswith("nothing"):
                continue
            error = row["calibration"]["expected_error"]
            lines.append(f"| {name} | {row['prompt']} | {row['count']} | {row['estimate']:.3f} | "
                         f"{row['iou']:.3f} | {error:.3f} |")
    return lines


def uncertainty_table(report):
    """How many areas of labels are inside the intervals of the model's own levels."""
    lines = ["", "### Intervals of areas", "| prompt | objects | areas inside the 90 % interval | median "
             "width / area of the label |", "|---|---:|---:|---:|"]
    for row in report.get("uncertainty") or []:
        covered, width = row.get("covered"), row.get("median_width")
        share = "no level stated" if covered is None else f"{100 * covered:.1f} %"
        lines.append(f"| {row['prompt']} | {row['count']} | {share} | "
                     f"{'' if width is None else f'{width:.2f}'} |")
    return lines


def speed_table(reports):
    """Seconds per image and mask; the formulas encode nothing."""
    lines = ["", "### Seconds per image", "| model | encoder | each prompt | runtime |",
             "|---|---:|---:|---|"]
    for name, report in reports.items():
        speed = report.get("speed")
        if speed and speed["encode_seconds"] > 1e-3:
            lines.append(f"| {name} | {speed['encode_seconds']:.3f} | "
                         f"{speed['mask_seconds']:.3f} | {report['source']['runtime']} |")
    return lines
