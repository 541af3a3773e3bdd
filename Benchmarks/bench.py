#!/usr/bin/env python3
"""Measures SAMUS for Swift, most of it against the same work in Python's PyTorch.

    Benchmarks/bench.py SUITE [options]
    Benchmarks/bench.py SUITE --help

Both sides of a comparison take turns in one run, so that other load on the machine affects both; a
ratio is the median of the ratios of all rounds. `--write` puts a suite's figures into RESULTS.md.
PyTorch is that of ${SAMUS_PYTHON}, or of .deps/peers (`make peers`). The exit status does not depend
on the figures.
"""

import argparse
import pathlib

from suites import (
    accuracy, batch, builds, bundles, checkpoints, common, heads, litemedsam, metrics, models, networks, processes,
    samus, serve, tracking, training, wait_policy,
)

SUITES = {
    "litemedsam": litemedsam, "samus": samus, "bundles": bundles, "training": training,
    "checkpoints": checkpoints, "wait-policy": wait_policy, "metrics": metrics,
    "networks": networks, "processes": processes, "accuracy": accuracy, "models": models, "serve": serve,
    "tracking": tracking, "builds": builds, "heads": heads, "batch": batch,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    suites = parser.add_subparsers(metavar="SUITE", required=True)
    for name, suite in SUITES.items():
        options = suites.add_parser(
            name, help=suite.__doc__.splitlines()[0], description=suite.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter)
        options.add_argument(
            "--programs", type=pathlib.Path, metavar="FOLDER",
            help="folder of samus, samus-train and samus-bench (default: .build/release, built first)")
        if suite.HEADING:
            options.add_argument(
                "--write", action="store_true", help="replace the suite's section of RESULTS.md")
        suite.add_options(options)
        options.set_defaults(suite=suite)
    options = parser.parse_args()
    text = options.suite.run(options)
    print(text)
    if options.suite.HEADING and options.write:
        common.write_section(options.suite.HEADING, text)


if __name__ == "__main__":
    main()
