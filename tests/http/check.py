#!/usr/bin/env python3
"""Checks the API against its OpenAPI document with schemathesis, a third-party tool.

Schemathesis calls every operation except the event stream, with valid and invalid input, and applies all of its checks to
each response.

    check.py BESPOKE SCHEMATHESIS [SECONDS [SEED]]

SECONDS is 45 by default. Without SEED, the calls differ each time. `make check` passes a seed, so a failure there can be
reproduced. To look for new faults, omit the seed and allow more time.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = '[voice]\nengine = "espeak"\n[video]\nresolution = 180\npreset = "ultrafast"\n'


@contextlib.contextmanager
def serve(bespoke, folder):
    """Runs the server in a folder. Yields its address and token, and fails if the server ends early."""
    (folder / "bespoke.toml").write_text(SETTINGS)
    env = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
           "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
    log = folder / "stderr"
    with open(log, "wb") as stderr:
        server = subprocess.Popen([bespoke, "serve", "--port", "0", "--json"], cwd=folder, env=env,
                                  stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            report = ""
            while not report.rstrip().endswith("}"):
                report += server.stdout.readline() or sys.exit(log.read_text())
            report = json.loads(report)
            yield report["address"], report["token"]
            assert server.poll() is None, "the server ended during the check"
        finally:
            server.terminate()
            server.wait()


def main(bespoke, schemathesis, seconds="45", seed=None):
    """Returns the exit status of schemathesis."""
    with tempfile.TemporaryDirectory() as folder, serve(bespoke, pathlib.Path(folder)) as (address, token):
        command = [schemathesis, "--config-file", ROOT / "tests/http/schemathesis.toml", "run", ROOT / "docs/openapi.json",
                   "--url", address, "--header", f"Authorization: Bearer {token}", "--checks", "all",
                   "--exclude-operation-id", "listRecommendationEvents", "--max-time", seconds, *(["--seed", seed] if seed else []),
                   # The server accepts at most ten calls per second that change data.
                   "--rate-limit", "9/s"]
        return subprocess.run(command, cwd=folder, env=os.environ | {"NO_COLOR": "1"}).returncode


if __name__ == "__main__":
    sys.exit(main(*map(os.path.abspath, sys.argv[1:3]), *sys.argv[3:]))
