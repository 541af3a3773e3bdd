"""SAMUS (ViT-B) on libtorch against the authors' computation in eager PyTorch.

The authors' computation is peers/samus_network.py, written from the paper, and checked against values
of the authors' program by peers/check_samus_network.py. Weights follow a formula.
"""

import os
import statistics
import subprocess
import tempfile

from . import common
from .common import Worker, compare, log, relative_difference

HEADING = "## SAMUS"
# Title, our measurement, theirs, share of the rounds. bf16 is compared with their f32 too.
ROWS = [
    ("image encoder, f32", "encode", "encode", 1),
    ("image encoder, bf16, against the authors' f32", "encode_bf16", "encode", 1),
    ("image encoder, bf16, against the authors' autocast", "encode_bf16", "encode_bf16", 1),
    ("image encoder on eight images at once, f32, per image", "encode_batch", "encode_batch", 0.5),
    ("a point on an encoded image", "prompt", "prompt", 2),
    ("one matrix product, 1024x768 by 768x3072, f32", "product", "product", 4),
]


def add_options(parser):
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)


def new_processes(command, rounds):
    """Medians of new processes: seconds of loading, memory growth by loading, and peak memory."""
    lines = [subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
             for _ in range(rounds)]
    return [statistics.median(float(line[column]) for line in lines) for column in range(3)]


def ratio_within(worker, name, other, rounds):
    """The median ratio of two measurements of one side, in turns."""
    return statistics.median(
        worker.measure(name) / worker.measure(other) for _ in range(rounds))


def run(options):
    bench = common.programs(options, "samus-bench") / "samus-bench"
    common.let_threads_sleep()
    threads, peer = str(options.threads), common.PEERS / "samus.py"
    lines = ["| work | here | authors' computation | ratio | quartiles of the ratios |",
             "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        weights = f"{folder}/samus.pth"
        common.write_formula_weights(weights)
        size = os.path.getsize(weights)
        ours, theirs = (
            new_processes(command, max(3, options.rounds // 3)) for command in [
                [bench, "samus-load", threads, weights],
                [common.python(), peer, threads, weights, "load"]])
        with Worker(bench, "samus", threads, weights) as swift, \
                Worker(common.python(), peer, threads, weights) as python:
            version = python.ask("version")
            difference = relative_difference(swift.measure("logits"), python.measure("logits"))
            for title, name, their_name, share in ROWS:
                rounds = max(3, round(options.rounds * share))
                found = compare(name, swift, python, rounds, their_name)
                lines.append(
                    f"| {title} | {found.ours:.3g} s | {found.theirs:.3g} s | {found.ratio:.3f} | "
                    f"{found.low:.3f} to {found.high:.3f} |")
                log(lines[-1])
            rounds = max(3, options.rounds // 2)
            batch = ratio_within(swift, "encode_batch", "encode", rounds)
            batch_bf16 = ratio_within(swift, "encode_batch_bf16", "encode_bf16", rounds)
    lines += [
        f"| loading {size / 1e6:.0f} MB of weights, warm | {ours[0]:.2f} s | {theirs[0]:.2f} s | "
        f"{ours[0] / theirs[0]:.2f} | |",
        f"| peak memory of loading / file size | {ours[1] / size:.2f} | {theirs[1] / size:.2f} | | |",
        f"| peak memory: load, encode an image, one point | {ours[2] / 2**20:.0f} MB | "
        f"{theirs[2] / 2**20:.0f} MB | {ours[2] / theirs[2]:.2f} | |",
        f"| an image in a batch of eight / an image alone, f32; bf16 | {batch:.2f}; "
        f"{batch_bf16:.2f} | | | |"]
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py samus --threads {options.threads} --rounds {options.rounds}`, "
        f"{common.machine()}, PyTorch {version}, release build, ViT-B, 256x256.",
        "The authors' computation is Benchmarks/peers/samus_network.py in eager PyTorch. It uses MKL "
        "for matrix products, SAMUS for Swift uses oneDNN: their ratio, and so the ratio of f32, "
        "depends on the processor. Its peak memory includes Python.",
        "Check that both sides do the same work: relative difference of the sums of the logits of one "
        f"point {difference:.1e}.",
        "",
        *lines, ""])
