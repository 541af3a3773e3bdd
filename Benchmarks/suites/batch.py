"""Peak memory of `samus segment` over many small images, and a restart after a kill.

The images are drawn, 24 x 24 pixels, and the model is the tiny one of the tests, so that only what grows with
the number of images is measured. --images 100000 takes ten minutes on one core and 1 GB below --folder.
"""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

from . import common

HEADING = "## Many images"
MODEL = common.ROOT / "Tests/Fixtures/bundle/clicks.samus"


def add_options(parser):
    parser.add_argument("--images", type=int, default=100_000, metavar="N")
    parser.add_argument("--folder", metavar="DIR", help="where images and results lie for the time of the run")


def png(number):
    """A grey image with a bright square, elsewhere for each number."""
    rows = [bytearray([20] * 24) for _ in range(24)]
    for row in range(6):
        column = number // 17 % 17
        rows[row + number % 17][column:column + 6] = bytes([220] * 6)

    def chunk(kind, content):
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 24, 24, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in rows)))
            + chunk(b"IEND", b""))


def draw(folder, count):
    for number in range(count):
        if number % 1000 == 0:
            (folder / str(number // 1000)).mkdir(parents=True)
        (folder / str(number // 1000) / f"{number}.png").write_bytes(png(number))


def segment(samus, images, results, kill_after=None):
    """Runs `samus segment`, and kills it after some images; returns peak memory in MB, seconds, its lines."""
    lines = results.with_suffix(".jsonl")
    start = time.monotonic()
    with open(lines, "w") as output:
        process = subprocess.Popen(
            [samus, "segment", images, "--point", "9,7", "--model", MODEL, "--output", results, "--threads", "1",
             "--format", "png,json", "--summary", "--json-lines", "--skip-existing"],
            stdout=output, stderr=subprocess.DEVNULL)
        if kill_after:
            while process.poll() is None and lines.read_bytes().count(b"\n") < kill_after:
                time.sleep(0.2)
            process.send_signal(signal.SIGKILL)
            process.wait()
            return None
        _, status, usage = os.wait4(process.pid, 0)
    # 3: nothing was found in some images, which the toy model may do.
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"error: samus segment ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_maxrss / 1000, time.monotonic() - start, lines


def run(options):
    if options.images < 100:
        sys.exit("error: --images must be at least 100")
    samus = common.programs(options, "samus") / "samus"
    rows = []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        for count in [options.images // 100, options.images]:
            common.log(f"{count:,} images ...")
            draw(folder / f"images-{count}", count)
            memory, seconds, _ = segment(samus, folder / f"images-{count}", folder / f"results-{count}")
            rows.append((count, memory, seconds))
        common.log("killed after a fifth of the images, and continued ...")
        images, results = folder / f"images-{options.images}", folder / "killed"
        segment(samus, images, results, kill_after=options.images // 5)
        memory, seconds, lines = segment(samus, images, results)
        states = [json.loads(line)["status"] for line in open(lines)]
        complete = len(list(results.rglob("*.json")))
    text = [HEADING, "", f"`Benchmarks/bench.py batch --images {options.images}`: {common.machine()}.", "",
            "| images of 24 x 24 pixels | peak memory | seconds |", "|---:|---:|---:|"]
    text += [f"| {count:,} | {memory:.0f} MB | {seconds:.0f} |" for count, memory, seconds in rows]
    text += ["", f"After `kill -9` at a fifth of the images, the same command skipped {states.count('skipped'):,} images, "
             f"made {states.count('done'):,}, and {complete:,} results were complete; peak memory {memory:.0f} MB.", ""]
    return "\n".join(text)
