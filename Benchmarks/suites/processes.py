"""Data-parallel training in two processes on this machine: cost of exchanging gradients.

Prints the time of summing 16 MB over both processes, and how much of the exchange of gradients the
backward pass hides. Needs no PyTorch. Docs/DataParallel.md has figures.
"""

import os
import subprocess

from . import common

HEADING = None


def add_options(parser):
    parser.add_argument("--threads", type=int, default=1, help="of each process")


def run(options):
    bench = common.programs(options, "samus-bench") / "samus-bench"
    environment = os.environ | {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20000 + os.getpid() % 10000),
        "WORLD_SIZE": "2", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [bench, "processes", str(options.threads)]
    other = subprocess.Popen(command, env=environment | {"RANK": "1"})
    try:
        first = subprocess.run(
            command, env=environment | {"RANK": "0"}, check=True, capture_output=True, text=True)
    finally:
        other.kill()
        other.wait()
    return first.stdout.rstrip("\n")
