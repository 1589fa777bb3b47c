"""Tests that programs built for arm64 start on an emulated arm64 processor."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from cloud import FUNCTIONS, ROOT

sys.path.insert(0, str(ROOT / "tests/bench"))
import cold_start  # noqa: E402

EMULATOR = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"]

pytestmark = pytest.mark.skipif(not os.environ.get("WHOLE") or not shutil.which(EMULATOR[0]),
                                reason="needs qemu-user-static and libc6-arm64-cross; `make aws-test` runs it")


def is_arm64(binary):
    # The machine field of an ELF header is 183 for AArch64.
    return binary.read_bytes()[18:20] == (183).to_bytes(2, "little")


@pytest.fixture(scope="module")
def address():
    return cold_start.serve()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_starts_and_requests_its_first_invocation(name, address, monkeypatch):
    monkeypatch.chdir(ROOT)
    binary = ROOT / "target/lambda" / name / "bootstrap"
    assert is_arm64(binary), f"{binary} is not an arm64 binary; run make aws-build ARCH=arm64"
    took = cold_start.milliseconds([*EMULATOR, binary], cold_start.environment(address))
    print(f"{name}: {binary.stat().st_size / 1e6:.1f} MB, {took:.0f} ms under emulation")


@pytest.mark.parametrize("program", ["ffmpeg", "ffprobe"])
def test_program_in_the_layer_starts(program):
    binary = ROOT / "target/layers/arm64/media/bin" / program
    if not binary.exists():
        pytest.skip("the layers are not built; run make aws-layers")
    done = subprocess.run([*EMULATOR, binary, "-version"], capture_output=True, text=True)
    assert done.returncode == 0 and "version" in done.stdout


def test_espeak_in_the_layer_produces_speech(tmp_path):
    media = ROOT / "target/layers/arm64/media"
    if not media.exists():
        pytest.skip("the layers are not built; run make aws-layers")
    sound = tmp_path / "sound.wav"
    command = [*EMULATOR, media / "bin/espeak-ng", "-w", sound, "Hello from another processor."]
    subprocess.run(command, check=True, env=os.environ | {"ESPEAK_DATA_PATH": str(pathlib.Path(media) / "share")})
    assert sound.stat().st_size > 40_000
