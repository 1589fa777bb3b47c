"""Fixtures that the tests share: packaged functions, sample workbooks and deployed stacks."""

import os
import pathlib
import shutil
import subprocess

import pytest
from cloud import FUNCTIONS, PROGRAM, ROOT, Cloud


@pytest.fixture(scope="session")
def functions(tmp_path_factory):
    """A folder with a `bootstrap` for each function: the folder in the variable FUNCTIONS, or copies of the ci build."""
    built = os.environ.get("FUNCTIONS")
    if built:
        return pathlib.Path(built)
    folder = tmp_path_factory.mktemp("functions")
    for name in FUNCTIONS:
        (folder / name).mkdir()
        binary = ROOT / "target/ci" / name
        assert binary.exists(), f"{binary} is missing; run cargo build --profile ci --workspace --bins"
        shutil.copy(binary, folder / name / "bootstrap")
        subprocess.run(["strip", folder / name / "bootstrap"], check=True)
    return folder


def make_sample(folder, *options):
    """Writes encrypted workbooks with four customers into a folder and returns the folder."""
    subprocess.run([PROGRAM, "sample", "--customers", "4", "--out", folder, *options], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """Returns encrypted workbooks with four customers. Two of them consented."""
    folder = make_sample(tmp_path_factory.mktemp("sample"))
    for name in ["catalogue.json", "lexicon.toml"]:
        shutil.copy(ROOT / "data" / name, folder)
    return folder


def deployed(folder, functions):
    """Yields a deployed stack that checks permissions, and stops it afterward."""
    cloud = Cloud(folder, functions)
    try:
        cloud.deploy()
        cloud.configure()
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory, functions):
    """The stack that most tests share."""
    yield from deployed(tmp_path_factory.mktemp("cloud"), functions)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, functions):
    """A new stack for the tests of one module."""
    yield from deployed(tmp_path_factory.mktemp("fresh"), functions)


@pytest.fixture
def other_rows(tmp_path):
    """Workbooks with the same four customers but different rows, so uploading them starts another run."""
    return make_sample(tmp_path / "rows", "--seed", "2")


@pytest.fixture(scope="session")
def published(cloud, sample):
    """The execution that the sample workbooks started, with its run. Identical files start an execution only once."""
    execution = cloud.upload_and_wait("first", sample)
    return execution | {"run": cloud.run_of(execution)}
