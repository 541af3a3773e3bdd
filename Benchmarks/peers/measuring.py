"""What the PyTorch side of the benchmarks shares: timing, memory, and answering bench.py."""

import sys
import time

import torch


def seconds(body):
    """Seconds that a call takes."""
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def process_memory(key):
    """A figure of /proc/self/status in bytes, as VmRSS or VmHWM (the peak)."""
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def answer(measurements):
    """Prints, for each line of standard input, the figure of the method with that name."""
    for line in sys.stdin:
        name = line.strip()
        if name == "version":
            print(torch.__version__.split("+")[0], flush=True)
        else:
            print(repr(float(getattr(measurements, name)())), flush=True)
