#!/usr/bin/env python3
"""The API against its own document, by a tool that is not ours: schemathesis makes calls of every operation but the event
stream, good ones and bad ones, and looks at every answer with all of its checks.

    check.py BESPOKE SCHEMATHESIS [SECONDS [SEED]]

At most 45 s by default, with other calls each time. `make test` gives a seed, so that what fails there fails again; look for
new faults without one, and for longer.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = '[voice]\nengine = "espeak"\n[video]\nresolution = 180\npreset = "ultrafast"\n'


def main(bespoke, schemathesis, seconds, seed):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "bespoke.toml").write_text(SETTINGS)
        env = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
               "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
        with open(folder / "said", "wb") as said:
            server = subprocess.Popen([bespoke, "serve", "--port", "0", "--json"], cwd=folder, env=env,
                                      stdout=subprocess.PIPE, stderr=said, text=True)
            try:
                told = ""
                while not told.rstrip().endswith("}"):
                    told += server.stdout.readline() or sys.exit((folder / "said").read_text())
                told = json.loads(told)
                done = subprocess.run(
                    [schemathesis, "--config-file", ROOT / "tests/http/schemathesis.toml", "run", ROOT / "docs/openapi.json",
                     "--url", told["address"], "--header", f"Authorization: Bearer {told['token']}", "--checks", "all",
                     "--exclude-operation-id", "listRecommendationEvents", "--max-time", seconds, *(["--seed", seed] if seed else []),
                     # The server's own limit of calls that change something is ten a second.
                     "--rate-limit", "9/s"],
                    cwd=folder, env=os.environ | {"NO_COLOR": "1"})
                assert server.poll() is None, "the server ended"
            finally:
                server.terminate()
                server.wait()
        return done.returncode


if __name__ == "__main__":
    programs, numbers = sys.argv[1:3], sys.argv[3:] + ["45", ""][len(sys.argv) - 3:]
    sys.exit(main(*map(os.path.abspath, programs), *numbers))
