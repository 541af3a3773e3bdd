"""A click over HTTP against the engine's own time, memory, and many connections of samus serve.

The engine's own time is what the server reports in `times.decode` of the same answers: from the prompt
to the mask of the image's size, on the thread of the model. The time over HTTP is the client's, on one
kept connection, with the mask as run lengths. wrk is used where it is installed. Needs no PyTorch.
"""

import http.client
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from . import common

HEADING = "## samus serve"
WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"clicks":[{"x":178,"y":105}],"mask":"rle"}'
"""


def add_options(parser):
    parser.add_argument("--model", default="samus-lite")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--clicks", type=int, default=100)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)


def run(options):
    program = common.programs(options, "samus-server") / "samus-server"
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "--model", options.model, "--port", "0", "--threads", options.threads],
            stderr=log)
        try:
            rows = measure(options, process, port_of(process, log))
        finally:
            process.terminate()
            process.wait()
    return "\n".join(
        [f"`{options.model}`, {options.threads} thread of {common.machine()}.", "",
         "| | |", "|---|---:|"] + [f"| {title} | {value} |" for title, value in rows])


def port_of(process, log):
    """The port that the server prints when it is ready."""
    while True:
        if process.poll() is not None:
            sys.exit("samus-server did not start")
        time.sleep(0.1)
        log.seek(0)
        found = re.search(r"127\.0\.0\.1:(\d+)", log.read())
        if found:
            return int(found.group(1))


def memory(process):
    text = open(f"/proc/{process.pid}/status").read()
    return f"{int(re.search(r'VmRSS:[^0-9]+([0-9]+) kB', text).group(1)) / 1000:.0f} MB"


def measure(options, process, port):
    rows = [("memory after the start", memory(process))]
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(path, body, kind="application/json"):
        connection.request("POST", path, body, {"Content-Type": kind})
        return json.loads(connection.getresponse().read())

    image = post(
        "/v1/images?encode=true", common.EXAMPLE_IMAGE.read_bytes(), "application/octet-stream")
    rows.append(("encode the example image", f"{1000 * image['encode_seconds']:.0f} ms"))
    path = f"/v1/images/{image['id']}/segment"
    over_http, engine = [], []
    for index in range(options.clicks + 5):
        body = json.dumps({"clicks": [{"x": 170 + index % 10, "y": 105}], "mask": "rle"})
        start = time.perf_counter()
        answer = post(path, body)
        seconds = time.perf_counter() - start
        # The first ones warm up.
        if index >= 5:
            over_http.append(seconds)
            engine.append(answer["times"]["decode"])
    connection.close()
    ratio = statistics.median(one / other for one, other in zip(over_http, engine))
    rows += [
        ("a click on an encoded image over HTTP, median",
         f"{1000 * statistics.median(over_http):.1f} ms"),
        ("the engine's own time, median", f"{1000 * statistics.median(engine):.1f} ms"),
        ("median of the ratios", f"{ratio:.2f}"),
        (f"memory after {options.clicks} clicks", memory(process)),
    ]
    if not shutil.which("wrk"):
        return rows + [("many connections", "not measured: wrk is not installed")]
    address = f"http://127.0.0.1:{port}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT)
        script.flush()
        for name, arguments in [
                ("/health", [address + "/health"]), ("clicks", ["-s", script.name, address + path])]:
            common.log(f"wrk, {options.connections} connections, {name} ...")
            text = subprocess.run(
                ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency",
                 "--timeout", "30s", *arguments], capture_output=True, text=True, check=True).stdout
            # Answers that are not 2xx or 3xx: here 503, when the queue is full.
            refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
            errors = re.search(r"Socket errors: (.*)", text)
            rate = re.search(r"Requests/sec: +([0-9.]+)", text).group(1)
            slowest = re.search(r"99% +(\S+)", text).group(1)
            rows.append((
                f"{options.connections} connections for {options.seconds} s, {name}",
                f"{rate} answers/s, 99 % within {slowest}; not 2xx: "
                f"{refused.group(1) if refused else 0}; socket errors: "
                f"{errors.group(1) if errors else 'none'}; memory {memory(process)}"))
    return rows
