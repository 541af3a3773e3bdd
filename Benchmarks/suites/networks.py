"""The task-specific networks against the same layers in eager PyTorch: a training step, an image.

Each network gets one step of training on the small images of Tests/Fixtures/study, is exported, and is
converted to modules of PyTorch from its ONNX file (onnx2torch). A step is forward, backward and Adam in
f32; an image is the bundle on OpenVINO in f32. The last column compares the losses of the first step:
small where both sides do the same work. SETR, TransFuse, TransUNet, Swin-Unet and H2Former have dropout
or drop path, which is not exported, so that only our side computes it.
"""

import pathlib
import subprocess
import tempfile

from . import common
from .common import Worker, compare, log, relative_difference

HEADING = "## Task-specific networks"
NETWORKS = ["unet", "unet-bilinear", "cenet", "cpfnet", "canet", "aaunet", "fatnet", "transfuse",
            "transunet", "setr", "swinunet", "missformer", "h2former"]


def add_options(parser):
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--networks", default=",".join(NETWORKS), help="names, separated by commas")


def export(samus, network, folder):
    """Weights and bundle of a network after one step."""
    data = common.ROOT / "Tests/Fixtures/study"
    for command in (
            ["train", "--network", network, "--recipe", "full", "--data", data, "--sets", "Disc",
             "--epochs", "1", "--batch", "4", "--project", folder, "--name", network],
            ["export", f"{folder}/{network}/weights/last.safetensors", f"{folder}/{network}.samus"]):
        subprocess.run([samus, *command], check=True, stdout=subprocess.DEVNULL)
    return f"{folder}/{network}/weights/last.safetensors", pathlib.Path(f"{folder}/{network}.samus")


def measure(options, programs, network, folder):
    """A row of the table."""
    weights, bundle = export(programs / "samus", network, folder)
    bench, threads, batch = programs / "samus-bench", str(options.threads), str(options.batch)
    peer = [common.python(), common.PEERS / "task_network.py", threads, bundle / "encoder.onnx", batch]
    with Worker(bench, "network", threads, weights, batch) as swift, Worker(*peer) as python:
        losses = []
        for worker in (swift, python):
            worker.measure("step")
            losses.append(worker.measure("loss"))
        step = compare("step", swift, python, options.rounds)
        with Worker(bench, "bundle", threads, "f32", bundle) as inference:
            image = compare("encode", inference, python, options.rounds)
    return (f"| {network} | {step.ours:.2f} s | {step.theirs:.2f} s | {step.ratio:.2f} | "
            f"{step.low:.2f} to {step.high:.2f} | {1000 * image.ours:.0f} ms | "
            f"{1000 * image.theirs:.0f} ms | {image.ratio:.2f} | {image.low:.2f} to {image.high:.2f} | "
            f"{relative_difference(*losses):.0e} |")


def run(options):
    programs = common.programs(options, "samus", "samus-train", "samus-bench")
    common.let_threads_sleep()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for network in options.networks.split(","):
            log(f"measuring {network}")
            lines.append(measure(options, programs, network, folder))
            log(lines[-1])
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py networks --threads {options.threads} --rounds {options.rounds} --batch "
        f"{options.batch}`, {common.machine()}, release build, 256x256.",
        __doc__.split("\n\n")[1].strip().replace("\n", " "), "",
        "| network | step here | eager PyTorch | ratio | quartiles | image here | eager PyTorch | "
        "ratio | quartiles | losses differ by |", "|---|---|---|---|---|---|---|---|---|---|", *lines, ""])
