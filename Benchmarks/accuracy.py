#!/usr/bin/env python3
"""The Dice of several reports of `samus evaluate`, side by side, as Markdown.

accuracy.py REPORT.json [REPORT.json ...]

A table for each prompt; a row for each data set and class, one for all cases, and one for the mean
over sets and classes, each counting once. Nothing but Python's own library is needed.
"""

import json
import pathlib
import sys

TITLES = {
    ("fixed", "single"): "Fixed click (the authors' test)",
    ("random:5", "mean"): "Five random clicks, mean",
    ("random:5", "worst"): "Five random clicks, the worst of each object",
    ("box", "single"): "Box",
    ("box:10%", "single"): "Box grown by 10 %",
}


def figures(report):
    """Mean Dice and number of cases by prompt, then by data set and class."""
    found = {}
    classes = {(c["dataset"], c["label"]) for c in report["cases"]}
    single = {name for name, _ in classes if sum(c[0] == name for c in classes) == 1}
    for row in report["summaries"]:
        # Version 0.1 called the statistics "figures".
        statistics = row.get("statistics", row.get("figures"))
        if row["metric"] != "dice" or row["basis"] != "cases" or statistics is None:
            continue
        name = row.get("dataset")
        label = row.get("label")
        if name is not None and label is None and name not in single:
            continue
        key = None if name is None else (name, label or next(c[1] for c in classes if c[0] == name))
        variant = (row["variant"]["prompt"], row["variant"]["reduction"])
        found.setdefault(variant, {})[key] = (statistics["mean"], statistics["count"])
    return found


def table(variant, columns):
    """One prompt's Markdown table of (name, figures) columns."""
    columns = [(name, rows[variant]) for name, rows in columns if variant in rows]
    keys = sorted({key for _, rows in columns for key in rows if key is not None})
    lines = [
        "",
        f"### {TITLES.get(variant, ' '.join(variant))}",
        "| data set, class | cases | " + " | ".join(name for name, _ in columns) + " |",
        "|---|---:|" + "---:|" * len(columns),
    ]
    several = {name for name, label in keys if label > 1}

    def cells(values):
        best = max(values)
        is_bold = len(values) > 1
        return " | ".join(
            f"**{v:.3f}**" if is_bold and v == best else f"{v:.3f}" for v in values)

    for key in keys:
        title = f"{key[0]} {key[1]}" if key[0] in several else key[0]
        lines.append(
            f"| {title} | {columns[0][1][key][1]} | {cells([r[key][0] for _, r in columns])} |")
    lines.append(
        f"| all cases | {columns[0][1][None][1]} | {cells([r[None][0] for _, r in columns])} |")
    means = [sum(r[k][0] for k in keys) / len(keys) for _, r in columns]
    lines.append(f"| mean of the rows | {len(keys)} | {cells(means)} |")
    return lines


def main(paths):
    if not paths:
        sys.exit(__doc__)
    reports = [(pathlib.Path(p).parent.name, json.loads(pathlib.Path(p).read_text())) for p in paths]
    columns = [(name, figures(report)) for name, report in reports]
    print(f"Measured on {reports[-1][1]['machine']}; {reports[-1][1]['notice']}.")
    for variant in TITLES:
        if any(variant in rows for _, rows in columns):
            print("\n".join(table(variant, columns)))
    print("\n### Seconds a picture\n| model | encoding | each prompt | runs |\n|---|---:|---:|---|")
    for name, report in reports:
        speed = report.get("speed") or {}
        if speed.get("encode", 0) > 1e-3:
            print(f"| {name} | {speed['encode']:.3f} | {speed['prompt']:.3f} | {report['source']['runs']} |")


if __name__ == "__main__":
    main(sys.argv[1:])
