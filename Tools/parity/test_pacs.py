"""`samus pacs` with an Orthanc: query, fetch, segment, store, and what a second run does.

Needs the Debian packages orthanc and orthanc-dicomweb, pydicom in the Python that runs this, and the
program samus-pacs (`make pacs`); otherwise the tests are skipped.
"""

import http.server
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from samus_command import ROOT

pydicom = pytest.importorskip("pydicom")

FIXTURES = ROOT / "Tests" / "Fixtures" / "dicom"
PROGRAM = pathlib.Path(os.environ.get("SAMUS_PROGRAMS", ROOT / ".build" / "release")) / "samus"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def pacs(*arguments, expect=0, **environment):
    if not (PROGRAM.parent / "samus-pacs").exists():
        pytest.skip("samus-pacs is not built: make pacs")
    done = subprocess.run(
        [PROGRAM, "pacs", *map(str, arguments)], capture_output=True, text=True, timeout=600,
        env=os.environ | environment)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    """The address of an Orthanc with a password and three of the fixtures."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin")
    plugin = pathlib.Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
    if program is None or not plugin.exists():
        pytest.skip("Orthanc is missing: Debian packages orthanc and orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("orthanc")
    port = free_port()
    (folder / "orthanc.json").write_text(json.dumps({
        "Name": "test", "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"), "HttpPort": port, "DicomServerEnabled": False,
        "RemoteAccessAllowed": False, "AuthenticationEnabled": True,
        "RegisteredUsers": {"tester": "secret"}, "Plugins": [str(plugin)],
    }))
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, address, "tester", "secret")
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        for _ in range(120):
            try:
                opener.open(f"{address}/system", timeout=2)
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.25)
        for name in ("grey8.dcm", "jpeg-cine.dcm", "jpeg2000-fragments.dcm"):
            opener.open(urllib.request.Request(
                f"{address}/instances", data=(FIXTURES / name).read_bytes(), method="POST"))
        yield f"{address}/dicom-web", opener, address
    finally:
        process.terminate()
        process.wait(30)


CREDENTIALS = {"SAMUS_PACS_USER": "tester", "SAMUS_PACS_PASSWORD": "secret"}


@pytest.fixture(scope="module")
def sources():
    return {name: pydicom.dcmread(FIXTURES / f"{name}.dcm")
            for name in ("grey8", "jpeg-cine", "jpeg2000-fragments")}


def count(server):
    _, opener, address = server
    return len(json.load(opener.open(f"{address}/instances")))


def test_query(orthanc, sources):
    done = pacs("query", orthanc[0], "--modality", "*", **CREDENTIALS)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert {line[5] for line in lines} == {s.SeriesInstanceUID for s in sources.values()}
    study = sources["grey8"].StudyInstanceUID
    done = pacs("query", orthanc[0], "--modality", "*", "--study", study, **CREDENTIALS)
    assert all(line.split("\t")[4] == study for line in done.stdout.splitlines())
    pacs("query", orthanc[0], "--study", "1.2.3.4", **CREDENTIALS, expect=3)
    refused = pacs("query", orthanc[0], expect=69, SAMUS_PACS_USER="tester")
    assert "SAMUS_PACS_TOKEN" in refused.stderr
    assert "secret" not in refused.stderr


def test_run_store_and_run_again(orthanc, sources, tmp_path):
    before = count(orthanc)
    source = sources["jpeg-cine"]
    arguments = [
        "run", orthanc[0], "--study", source.StudyInstanceUID, "--modality", "*", "-o",
        tmp_path / "work"]
    prompt = ["--", "--frame", "all", "--box", "10,6,30,20", "--min-presence", "0"]
    dry = pacs(*arguments, "--dry-run", *prompt, **CREDENTIALS)
    assert "would be fetched" in dry.stdout
    assert not (tmp_path / "work").exists()
    assert count(orthanc) == before

    pacs(*arguments, *prompt, **CREDENTIALS)
    images = sorted((tmp_path / "work" / "images").iterdir())
    own = [s for s in sources.values() if s.StudyInstanceUID == source.StudyInstanceUID]
    assert [path.stem for path in images] == sorted(s.SOPInstanceUID for s in own)
    # Byte by byte what the server has, in its transfer syntax.
    fetched = pydicom.dcmread(tmp_path / "work" / "images" / f"{source.SOPInstanceUID}.dcm")
    assert fetched.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
    assert fetched.PixelData == source.PixelData
    after = count(orthanc)
    assert after == before + 2 * len(own)

    again = pacs(*arguments, *prompt, **CREDENTIALS)
    assert "0 fetched" in again.stdout and "0 stored" in again.stdout
    assert count(orthanc) == after
    # The same masks made again, in another folder, have the same UIDs.
    arguments[-1] = tmp_path / "other"
    other = pacs(*arguments, *prompt, **CREDENTIALS)
    assert f"{2 * len(own)} already there" in other.stdout
    assert count(orthanc) == after


def test_jpeg_2000_is_fetched_as_it_is(orthanc, sources, tmp_path):
    source = sources["jpeg2000-fragments"]
    pacs("fetch", orthanc[0], "--series", source.SeriesInstanceUID, "--modality", "*", "-o",
         tmp_path, **CREDENTIALS)
    fetched = pydicom.dcmread(tmp_path / "images" / f"{source.SOPInstanceUID}.dcm")
    assert fetched.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers badly, as the path says."""

    def do_GET(self):
        if self.path.startswith("/redirect"):
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        elif self.path.startswith("/large"):
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
        else:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "5")
        self.end_headers()
        if self.path.startswith("/html"):
            self.wfile.write(b"hello")

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def bad_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
         "-out", certificate], check=True, capture_output=True)
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    for server in (plain, secure):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield plain.server_address[1], secure.server_address[1]
    plain.shutdown()
    secure.shutdown()


def test_bad_servers(bad_server):
    plain, secure = bad_server
    untrusted = pacs("query", f"https://127.0.0.1:{secure}/html", expect=69)
    assert "certificate" in untrusted.stderr.lower() or "ssl" in untrusted.stderr.lower()
    redirected = pacs("query", f"http://127.0.0.1:{plain}/redirect", expect=69)
    assert "redirection" in redirected.stderr
    large = pacs("query", f"http://127.0.0.1:{plain}/large", expect=69)
    assert "more than" in large.stderr
    html = pacs("query", f"http://127.0.0.1:{plain}/html", expect=69)
    assert "not DICOM JSON" in html.stderr
    assert pacs("query", f"http://127.0.0.1:{free_port()}/x", expect=69).stderr
