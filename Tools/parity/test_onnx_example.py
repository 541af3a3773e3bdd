"""The example of Docs/ONNX.md gives the masks of `samus segment`."""

import re
import subprocess
import sys

import pytest
from samus_command import EXAMPLE, ROOT, dice, read_mask, segment

BLOCK = re.search(r"```python\n(.*?)```", (ROOT / "Docs" / "ONNX.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("box", ["150,48,208,140", "30.5,20,120,200.25"])
@pytest.mark.parametrize("name", ["litemedsam", "samus-lite"])
def test_example(name, box, tmp_path):
    program = BLOCK.group(1)
    assert len(program.strip().splitlines()) <= 20
    bundle = ROOT / "Models" / f"{name}.samus"
    arguments = [bundle, EXAMPLE, box, tmp_path / "mask.png"]
    subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=True)
    segment(EXAMPLE, "--box", box, "--model", bundle, "--format", "png", "--output", tmp_path)
    found = read_mask(tmp_path / "mask.png")
    expected = read_mask(tmp_path / f"{EXAMPLE.stem}.mask.png")
    assert found.any() and expected.any()
    assert dice(found, expected) >= 0.999
