#!/usr/bin/env python3
"""Fails when a test was skipped for a reason that Tests/allowed-skips.txt does not list.

    check_skips.py LOG

LOG is the output of `swift test`. Every skip must state a reason.
"""

import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
LIST = ROOT / "Tests" / "allowed-skips.txt"
# The conditions that the list can name.
CONDITIONS = {
    "without ../shared": not (ROOT.parent / "shared").exists(),
    "as root": os.getuid() == 0,
    "without bfloat16": not re.search(
        r"\b(avx512_bf16|amx_bf16)\b", pathlib.Path("/proc/cpuinfo").read_text()),
    "without dciodvfy": not (shutil.which("dciodvfy") and shutil.which("dsrdump")),
    "without ffmpeg": not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    "without .deps/peers": not (ROOT / ".deps" / "peers" / "stamp").exists(),
}
SKIP = re.compile(r'^\S+\s+(?:Test|Suite) (.*) skipped(?:: "(.*)"|\.)\s*$')


def allowed_reasons():
    """The words that a reason must contain, for the conditions that hold here."""
    for line in LIST.read_text().splitlines():
        if line and not line.startswith("#"):
            condition, words, _ = (part.strip() for part in line.split("|"))
            if CONDITIONS[condition]:
                yield words


def main(log):
    allowed = list(allowed_reasons())
    skips = [match.groups() for match in map(SKIP.match, open(log, errors="replace")) if match]
    problems = [
        (title, reason) for title, reason in skips
        if not reason or not any(words in reason for words in allowed)
    ]
    for title, reason in problems:
        print(f"skipped, but not on the list: {title}: {reason or 'no reason stated'}")
    print(f"{len(skips)} skipped, {len(problems)} of them not allowed by {LIST.relative_to(ROOT)}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main(sys.argv[1])
