#!/usr/bin/env python3
"""Writes Tests/Fixtures/metrics/statistics.json with SciPy and NumPy: what statistics must equal.

    Scripts/make-metrics-fixtures.py

Mask pairs in the same folder are some of ../shared/golden/metrics, which other programs made.
"""
import json
import pathlib

import numpy
import scipy.stats

ROOT = pathlib.Path(__file__).resolve().parent.parent
MASK = (1 << 64) - 1


class SplitMix64:
    """The random numbers of Sources/Metrics/Statistics/SplitMix64.swift."""

    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) * count) >> 64


def summary(values):
    return {
        "values": values.tolist(), "mean": numpy.mean(values), "sd": numpy.std(values, ddof=1),
        "median": numpy.median(values), "q25": numpy.quantile(values, 0.25),
        "q75": numpy.quantile(values, 0.75), "min": values.min(), "max": values.max(),
    }


def bootstrap(values, clusters, rounds, seed):
    names = list(dict.fromkeys(clusters)) if clusters else None
    groups = [
        values[[i for i, cluster in enumerate(clusters) if cluster == name]] for name in names
    ] if clusters else [values[i:i + 1] for i in range(len(values))]
    random = SplitMix64(seed)
    means = [
        numpy.concatenate([groups[random.below(len(groups))] for _ in groups]).mean()
        for _ in range(rounds)
    ]
    low, high = numpy.quantile(means, [0.025, 0.975])
    return {
        "values": values.tolist(), "clusters": clusters, "rounds": rounds, "seed": seed,
        "low": low, "high": high,
    }


def wilcoxon(first, second):
    found = scipy.stats.wilcoxon(first, second)
    difference = first - second
    ranks = scipy.stats.rankdata(abs(difference[difference != 0]))
    signs = numpy.sign(difference[difference != 0])
    return {
        "first": first.tolist(), "second": second.tolist(), "statistic": found.statistic,
        "p": found.pvalue, "rank_biserial": (ranks * signs).sum() / ranks.sum(),
        "cohens_dz": difference.mean() / difference.std(ddof=1),
        "mean_difference": difference.mean(), "median_difference": numpy.median(difference),
    }


def calibration(estimates, ious):
    place = numpy.minimum((numpy.clip(estimates, 0, 1) * 10).astype(int), 9)
    counts = numpy.bincount(place, minlength=10)
    errors = [
        abs(estimates[place == k].mean() - ious[place == k].mean()) if counts[k] else 0.0
        for k in range(10)
    ]
    return {
        "estimates": estimates.tolist(), "ious": ious.tolist(), "counts": counts.tolist(),
        "expected_error": float(numpy.dot(errors, counts) / len(ious)),
        "largest_error": max(errors), "bias": (estimates - ious).mean(),
        "pearson": scipy.stats.pearsonr(estimates, ious).statistic,
        "spearman": scipy.stats.spearmanr(estimates, ious).statistic,
    }


def main():
    random = numpy.random.default_rng(20_240_917)
    whole = lambda n: random.integers(0, 7, n).astype(float)
    dice = numpy.round(random.beta(8, 2, 40), 6)
    pairs = []
    # Small and large; all different, with ties, with zeros.
    for n in [1, 5, 13, 14, 50, 51, 120]:
        first = random.beta(8, 2, n)
        pairs.append((first, first + random.normal(0.01, 0.03, n)))
    for n in [6, 13, 14, 50, 200]:
        pairs.append((whole(n) + 1, whole(n)))
    estimates = random.uniform(-0.05, 1.1, 60)
    estimates[:3] = [0.3, 0.3, 1.0]
    with_spread = [pair for pair in pairs if len(pair[0]) > 1]
    content = {
        "scipy": scipy.__version__,
        "summaries": [summary(dice), summary(random.normal(0, 50, 7)), summary(whole(12))],
        "bootstraps": [
            bootstrap(dice, None, 500, 1),
            bootstrap(dice, [f"patient{i}" for i in random.integers(0, 9, 40)], 500, 77),
        ],
        "wilcoxons": [wilcoxon(*pair) for pair in with_spread],
        "calibrations": [
            calibration(estimates, numpy.clip(estimates + random.normal(0, 0.1, 60), 0, 1))
        ],
    }
    file = ROOT / "Tests/Fixtures/metrics/statistics.json"
    file.write_text(json.dumps(content) + "\n")


main()
