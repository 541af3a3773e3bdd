"""Sends what `/openapi.json` describes, and what it forbids, to `samus serve` by schemathesis.

    Tools/setup-server-clients
    .deps/server-clients/bin/python -m pytest Tools/parity/test_server_api.py

`SAMUS_EXAMPLES=1000` sends more requests for each route than the default, 30.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request

import pytest
from test_server import EXAMPLE, started

EXAMPLES = os.environ.get("SAMUS_EXAMPLES", "30")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    shutil.copy(EXAMPLE, folder / "echo.png")
    with started("--data", folder) as url:
        yield url


# The protocols of other programs are described loosely; their clients are in test_server.py.
@pytest.mark.parametrize("part, checks", [
    ("^/(v1/(segment|images)|health|metrics|openapi.json)",
     "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
     "negative_data_rejection,missing_required_header,unsupported_method"),
    ("^/(v1/(models|predict|video)|v2|info|auth|session|infer|activelearning|train|datastore|setup|webhook|predict)",
     "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"),
])
def test_schemathesis(server, tmp_path, part, checks):
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    # Ids of images that exist, so that more than 404 is answered.
    with urllib.request.urlopen(server + "/v1/images") as answer:
        (image,) = json.load(answer)["images"]
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(f'[parameters]\n"path.id" = "{image["id"]}"\n')
    result = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", configuration, "run", f"{server}/openapi.json", "--include-path-regex", part,
         "--checks", checks, "--max-examples", EXAMPLES, "--seed", "1", "--no-color", "--generation-database", "none",
         "--request-timeout", "60", "--continue-on-failure"],
        capture_output=True, text=True, cwd=tmp_path)
    print(result.stdout[-20000:], result.stderr[-2000:])
    assert result.returncode == 0
    assert re.search(r"[1-9]\d* generated", result.stdout)
