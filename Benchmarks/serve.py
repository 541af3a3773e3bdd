#!/usr/bin/env python3
"""Measures `samus serve`: a click over HTTP beside the engine's own time, memory, and many connections.

    Benchmarks/serve.py                      # starts .build/release/samus-server; wrk is used where it is installed

The engine's own time is what the server reports in `times.decode` of the same answers: from the prompt
to the mask of the image's size, on the thread of the model. The time over HTTP is the client's, on one
kept connection, with the mask as run lengths.
"""

import argparse
import http.client
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "Examples" / "echo-a4c-frame10.png"
POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"clicks":[{"x":178,"y":105}],"mask":"rle"}'
"""


def memory(process):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / ".build" / "release" / "samus-server")
    parser.add_argument("--model", default="samus-lite")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--clicks", type=int, default=100)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [options.program, "--model", options.model, "--port", "0", "--threads", options.threads],
            stderr=log)
        try:
            measure(options, process, log)
        finally:
            process.terminate()
            process.wait()


def measure(options, process, log):
    found = None
    while not found:
        assert process.poll() is None, "the server did not start"
        time.sleep(0.1)
        log.seek(0)
        found = re.search(r"127\.0\.0\.1:(\d+)", log.read())
    port = int(found.group(1))
    print(f"memory after the start: {memory(process):.0f} MB")
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(path, body, kind="application/json"):
        connection.request("POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        return json.loads(answer.read())

    image = post("/v1/images?encode=true", EXAMPLE.read_bytes(), "application/octet-stream")
    print(f"encoding the image: {1000 * image['encode_seconds']:.0f} ms")
    path = f"/v1/images/{image['id']}/segment"
    over_http, engine = [], []
    for index in range(options.clicks + 5):
        body = json.dumps({"clicks": [{"x": 170 + index % 10, "y": 105}], "mask": "rle"})
        start = time.perf_counter()
        answer = post(path, body)
        seconds = time.perf_counter() - start
        if index >= 5:
            over_http.append(seconds)
            engine.append(answer["times"]["decode"])
    ratios = [one / other for one, other in zip(over_http, engine)]
    print(f"click over HTTP: median {1000 * statistics.median(over_http):.1f} ms, "
          f"engine's own: median {1000 * statistics.median(engine):.1f} ms, "
          f"median of the ratios {statistics.median(ratios):.2f}")
    print(f"memory after {options.clicks} clicks: {memory(process):.0f} MB")
    connection.close()
    if not shutil.which("wrk"):
        print("wrk is not installed")
        return
    address = f"http://127.0.0.1:{port}"
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(POST)
        script.flush()
        for name, arguments in [("/health", [address + "/health"]), ("clicks", ["-s", script.name, address + path])]:
            command = [
                "wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency", "--timeout", "30s",
                *arguments]
            print(f"\nwrk -t1 -c{options.connections} -d{options.seconds}s, {name}:")
            print(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
            print(f"memory afterwards: {memory(process):.0f} MB")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/metrics")
    for line in connection.getresponse().read().decode().splitlines():
        if line.startswith(("samus_http_requests_total", "samus_engine_refused")):
            print(line)


if __name__ == "__main__":
    sys.exit(main())
