"""What the benchmarks share: the machine's name, and their sections in RESULTS.md."""

import os
import pathlib
import platform

RESULTS = pathlib.Path(__file__).resolve().parent / "RESULTS.md"


def machine():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
             if line.startswith("model name")] if os.path.exists("/proc/cpuinfo") else []
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, " \
           f"{platform.system()} {platform.machine()}"


def write(heading, section):
    """Puts a section that begins with its heading in the place of the earlier one."""
    before, _, rest = RESULTS.read_text().partition(heading)
    _, next_heading, after = rest.partition("\n## ")
    RESULTS.write_text(before.rstrip("\n") + "\n\n" + section + (next_heading + after if next_heading else ""))
