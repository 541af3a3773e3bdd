"""Options and fixtures of the parity tests, which compare our programs with programs in Python."""

import pathlib

import pytest
from samus_command import DATA, PROGRAMS


def pytest_addoption(parser):
    parser.addoption(
        "--checkpoint", type=pathlib.Path, action="append", default=[],
        help="weights that test_annotation_tools.py exports; repeatable")
    parser.addoption(
        "--precision", default="f32", choices=["f32", "f16-weights"],
        help="precision of those exports")
    parser.addoption("--pairs", type=int, default=500, help="mask pairs of test_metrics.py")
    parser.addoption("--seed", type=int, default=20_240_917, help="seed of these pairs")


@pytest.fixture(scope="session", autouse=True)
def release_build():
    if not (PROGRAMS / "samus").exists():
        pytest.exit(f"{PROGRAMS} has no samus: run 'make build' first", returncode=2)


@pytest.fixture(scope="session")
def data():
    """The datasets of ../shared, which are not part of the repository."""
    if not DATA.is_dir():
        pytest.skip("../shared/data is absent")
    return DATA
