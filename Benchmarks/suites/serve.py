"""A click over HTTP against the engine's own time, memory, and many connections of samus serve.

The engine's own time is what the server reports in `times.decode` of the same answers: from the prompt
to the mask of the image's size, on the thread of the model. The time over HTTP is the client's, on one
kept connection, with the mask as run lengths. wrk is used where it is installed. Needs no PyTorch.

With --monai-label PYTHON, a Python that can import monailabel, the same click goes by MONAI Label's protocol to
this server and to MONAI Label's own server, whose model is a stub that takes no time (peers/monai_label_stub.py).
"""

import base64
import contextlib
import gzip
import http.client
import json
import pathlib
import re
import shutil
import socket
import statistics
import struct
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
    parser.add_argument("--requests", type=int, default=0, help="this many clicks one after the other, for the memory")
    parser.add_argument("--monai-label", metavar="PYTHON", help="also measure MONAI Label's own server")


def run(options):
    program = common.programs(options, "samus-server") / "samus-server"
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "--model", options.model, "--port", "0", "--threads", options.threads],
            stderr=log)
        try:
            rows = measure(options, process, port_of(process, log))
            if options.monai_label:
                rows += compare_with_monai_label(options, process, port_of(process, log))
        finally:
            process.terminate()
            process.wait()
    rows += resting(options, program)
    return "\n".join([
        HEADING, "",
        f"`Benchmarks/bench.py serve --clicks {options.clicks} --requests {options.requests}`, `{options.model}`, "
        f"{options.threads} thread, {common.machine()}.",
        "The engine's own time is that of the same answers. A model that is a stub takes no time: its row is what MONAI "
        "Label's server takes by itself.",
        "", "| what | measured |", "|---|---:|"] + [f"| {title} | {value} |" for title, value in rows]) + "\n"


def resting(options, program):
    """Memory with --idle: before the first request, and once the model was given back."""
    common.log("a resting model, 70 s ...")
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "--model", options.model, "--port", "0", "--threads", options.threads, "--idle", "1"], stderr=log)
        try:
            port = port_of(process, log)
            rows = [("--idle: memory after the start, the model not loaded", memory(process))]
            body = json.dumps({
                "image": base64.b64encode(common.EXAMPLE_IMAGE.read_bytes()).decode(),
                "clicks": [{"x": 178, "y": 105}], "mask": "none"})
            for title in ["--idle: the first click, which loads the model", "--idle: the next click after a rest"]:
                connection = http.client.HTTPConnection("127.0.0.1", port)
                start = time.perf_counter()
                connection.request("POST", "/v1/segment", body, {"Content-Type": "application/json"})
                if connection.getresponse().status != 200:
                    sys.exit("a click was not answered with 200")
                rows.append((title, f"{time.perf_counter() - start:.2f} s"))
                connection.close()
                time.sleep(70)
            return rows + [("--idle: memory a minute after a click, the model given back", memory(process))]
        finally:
            process.terminate()
            process.wait()


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
    if options.requests:
        rows += many_requests(options, process, port, path)
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
            title = f"{options.connections} connections for {options.seconds} s, {name}"
            rows += [
                (f"{title}: answers in a second", rate),
                (f"{title}: 99 % of them within", slowest),
                (f"{title}: answers 503, because the queue was full", refused.group(1) if refused else "0"),
                (f"{title}: socket errors", errors.group(1) if errors else "none"),
                (f"{title}: memory afterwards", memory(process)),
            ]
    return rows


def many_requests(options, process, port, path):
    """Memory after a tenth of many clicks, and at their end."""
    body = json.dumps({"clicks": [{"x": 178, "y": 105}], "mask": "rle"})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    statuses, first = {}, ""
    common.log(f"{options.requests} clicks, one after the other ...")
    for index in range(options.requests):
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if index == options.requests // 10:
            first = memory(process)
    connection.close()
    if set(statuses) != {200}:
        sys.exit(f"not all clicks were answered with 200: {statuses}")
    return [(f"{options.requests} clicks one after the other: memory after a tenth", first),
            (f"{options.requests} clicks one after the other: memory at the end", memory(process))]


# --- MONAI Label ---------------------------------------------------------------------------------


def volume():
    """The example image as a NIfTI volume of one slice."""
    from PIL import Image
    image = Image.open(common.EXAMPLE_IMAGE).convert("L")
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, image.width, image.height, 1, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<h", header, 254, 1)
    struct.pack_into("<12f", header, 280, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    header[344:348] = b"n+1\0"
    return gzip.compress(bytes(header) + image.tobytes())


def form(name, content, filename=None):
    file = f'; filename="{filename}"' if filename else ""
    body = f'--cut\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n--cut--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=cut"}


def clicks_by_protocol(port, count):
    """Seconds of clicks by MONAI Label's protocol, answered with a mask as NRRD."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    seconds = []
    for _ in range(count + 5):
        body, headers = form("params", json.dumps({"foreground": [[178, 105, 0]], "background": []}).encode())
        start = time.perf_counter()
        connection.request("POST", "/infer/samus?image=case&output=image", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        seconds.append(time.perf_counter() - start)
        if answer.status != 200 or not content.startswith(b"NRRD"):
            sys.exit(f"a click by MONAI Label's protocol was answered with {answer.status}: {content[:300]!r}")
    connection.close()
    return seconds[5:]


@contextlib.contextmanager
def monai_label(python):
    """MONAI Label's server with the stub, and its port."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "app").mkdir()
        (folder / "studies").mkdir()
        shutil.copy(pathlib.Path(__file__).parents[1] / "peers" / "monai_label_stub.py", folder / "app" / "main.py")
        (folder / "studies" / "case.nii.gz").write_bytes(volume())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with open(folder / "log", "w") as log:
            process = subprocess.Popen(
                [python, "-m", "monailabel.main", "start_server", "--app", folder / "app", "--studies", folder / "studies",
                 "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log)
            try:
                for _ in range(600):
                    time.sleep(0.5)
                    if process.poll() is not None:
                        sys.exit("MONAI Label did not start:\n" + (folder / "log").read_text()[-2000:])
                    with contextlib.suppress(OSError):
                        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                        connection.request("GET", "/info/")
                        if connection.getresponse().status == 200:
                            break
                yield process, port
            finally:
                process.terminate()
                process.wait()


def compare_with_monai_label(options, process, port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body, headers = form("file", volume(), "case.nii.gz")
    connection.request("PUT", "/datastore/?image=case", body, headers)
    assert connection.getresponse().status == 200
    connection.close()
    common.log("MONAI Label's own server ...")
    with monai_label(options.monai_label) as (other, other_port):
        idle = memory(other)
        ours, theirs = [], []
        # In turns, so that other load of the machine meets both.
        for _ in range(5):
            ours += clicks_by_protocol(port, options.clicks // 5)
            theirs += clicks_by_protocol(other_port, options.clicks // 5)
    return [
        ("a click by MONAI Label's protocol, median", f"{1000 * statistics.median(ours):.1f} ms"),
        ("the same with MONAI Label's server and a stub model, median", f"{1000 * statistics.median(theirs):.1f} ms"),
        ("memory of MONAI Label's server, idle", idle),
    ]
