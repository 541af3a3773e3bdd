"""A training step of SAMUS (ViT-B) on libtorch against the same step in eager PyTorch.

The step is the authors': their frozen parts, their loss, Adam. Peak memory is that of new processes
that take three steps each.
"""

import statistics
import subprocess
import tempfile

from . import common
from .common import Worker, in_turns, relative_difference

HEADING = "## Training SAMUS"
# Title, our measurement, theirs; the authors train in f32.
ROWS = [
    ("f32", "step", "step"),
    ("bf16, against the authors' f32", "step_bf16", "step"),
    ("bf16, against the authors' autocast", "step_bf16", "step_bf16"),
    ("f32, activation checkpointing, against the authors' f32", "step_checkpointed", "step"),
    ("bf16, activation checkpointing, against the authors' f32", "step_checkpointed_bf16", "step"),
]


def add_options(parser):
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=2)


def measure_in_turns(swift, python, rounds):
    """Seconds of each kind of step of both sides, by (side, step); a round takes each step once."""
    steps = [("here", swift, name) for name in dict.fromkeys(row[1] for row in ROWS)]
    steps += [("there", python, name) for name in dict.fromkeys(row[2] for row in ROWS)]
    times = {(side, name): [] for side, _, name in steps}
    for round in range(-1, rounds):
        for side, worker, name in in_turns(steps, round):
            seconds = worker.measure(name)
            if round >= 0:  # the first round warms up
                times[side, name].append(seconds)
    return times


def peak_memory(command):
    """Bytes at the peak of a new process."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[0])


def run(options):
    bench = common.programs(options, "samus-bench") / "samus-bench"
    common.let_threads_sleep()
    with tempfile.TemporaryDirectory() as folder:
        weights = f"{folder}/samus.pth"
        common.write_formula_weights(weights)
        arguments = [str(options.threads), weights, str(options.batch)]
        peer = [common.python(), common.PEERS / "training.py", *arguments]
        peaks = {("here", ours): peak_memory([bench, "training-peak", *arguments, ours])
                 for _, ours, _ in ROWS}
        peaks |= {("there", theirs): peak_memory([*peer, theirs]) for _, _, theirs in ROWS}
        with Worker(bench, "training", *arguments) as swift, Worker(*peer) as python:
            version = python.ask("version")
            losses = []
            for worker in (swift, python):
                worker.measure("step")
                losses.append(worker.measure("loss"))
            times = measure_in_turns(swift, python, options.rounds)

    lines = ["| a step | here | authors' computation | ratio | quartiles of the ratios | "
             "peak here | peak there | ratio |", "|---|---|---|---|---|---|---|---|"]
    for title, ours, theirs in ROWS:
        here, there = times["here", ours], times["there", theirs]
        ratios = [a / b for a, b in zip(here, there)]
        low, _, high = statistics.quantiles(ratios, n=4)
        memory = [peaks["here", ours] / 2**20, peaks["there", theirs] / 2**20]
        lines.append(
            f"| {title} | {statistics.median(here):.3g} s | {statistics.median(there):.3g} s | "
            f"{statistics.median(ratios):.2f} | {low:.2f} to {high:.2f} | {memory[0]:.0f} MB | "
            f"{memory[1]:.0f} MB | {memory[0] / memory[1]:.2f} |")
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py training --threads {options.threads} --rounds {options.rounds} --batch "
        f"{options.batch}`, {common.machine()}, PyTorch {version}, release build, ViT-B, 256x256.",
        "Forward, the authors' loss, backward and Adam, with the parts frozen that they freeze. The "
        "authors' computation is Benchmarks/peers/training.py in eager PyTorch; its peak memory "
        "includes Python.",
        "Check that both sides do the same work: relative difference of the losses of the first step "
        f"{relative_difference(*losses):.1e}.", "",
        *lines, ""])
