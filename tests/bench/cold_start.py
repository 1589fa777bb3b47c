#!/usr/bin/env python3
"""Measures each function's size, and the time from process start to its request for the first invocation.

A local server replaces the Lambda Runtime API and Secrets Manager. The baseline is `curl`, which sends the same
request to the same server and exits.

Usage: cold_start.py FOLDER, where FOLDER/NAME or FOLDER/NAME/bootstrap is the binary of the function NAME.
"""

import http.server
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

FUNCTIONS = ["merge", "assess", "recommend", "narrate", "render", "publish", "finalize",
             "start", "api", "notify", "export", "retract"]
ROUNDS = 15
REQUESTED = threading.Event()


class Service(http.server.BaseHTTPRequestHandler):
    """The parts of the Lambda Runtime API and of Secrets Manager that a starting function needs."""

    protocol_version = "HTTP/1.1"
    # Sends each response as one packet. A second packet would wait 40 ms for the client's acknowledgment.
    wbufsize = -1

    def do_GET(self):
        assert self.path.endswith("/runtime/invocation/next"), self.path
        REQUESTED.set()
        time.sleep(60)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("x-amz-target") == "secretsmanager.GetSecretValue":
            return self.answer({"Name": "key", "SecretString": "0" * 64})
        print(f"a function reported that its start failed: {self.path}", file=sys.stderr)
        return self.answer({})

    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass


def serve():
    """Starts the server in a thread. Returns its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_port}"


def milliseconds(command, env):
    """Returns the milliseconds from the start of a process to its request, which must arrive within 20 s."""
    REQUESTED.clear()
    begun = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    requested = REQUESTED.wait(20)
    elapsed = (time.perf_counter() - begun) * 1000
    process.kill()
    process.wait()
    if not requested:
        raise TimeoutError(f"{command} requested no invocation within 20 s")
    return elapsed


def main():
    folder = pathlib.Path(sys.argv[1])
    address = serve()
    env = environment(address)
    commands = {"curl (floor)": ["curl", "-s", f"http://{address}/2018-06-01/runtime/invocation/next"]}
    for name in FUNCTIONS:
        binary = folder / name
        commands[name] = [binary / "bootstrap" if binary.is_dir() else binary]
    # Run all commands in each round, so that other load on the machine affects all of them equally.
    samples = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            samples[name].append(milliseconds(command, env))
    floor = statistics.median(samples["curl (floor)"])
    print(f"{'function':<14}{'MB':>7}{'init ms, min':>14}{'median':>9}{'max':>9}{'× floor':>9}")
    for name, times in samples.items():
        size = os.path.getsize(commands[name][0]) / 1e6 if name in FUNCTIONS else float("nan")
        median = statistics.median(times)
        print(f"{name:<14}{size:>7.1f}{min(times):>14.1f}{median:>9.1f}{max(times):>9.1f}{median / floor:>9.1f}")


def environment(address):
    """Returns the variables that Lambda and the template set."""
    return {
        "AWS_LAMBDA_RUNTIME_API": address, "AWS_ENDPOINT_URL": f"http://{address}", "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_LAMBDA_FUNCTION_VERSION": "1", "BUCKET": "bucket",
        "DATA_KEY_SECRET": "data", "REFERENCE_KEY_SECRET": "reference", "WORKBOOK_PASSWORD_SECRET": "password",
        "MODEL_KEY_SECRET": "model", "STATE_MACHINE": "arn:aws:states:eu-central-1:0:stateMachine:m", "CONCURRENCY": "1",
        "TOLERATED_FAILURE_PERCENTAGE": "0", "ASSETS_DIR": str(pathlib.Path("assets").absolute()), "PATH": os.environ["PATH"],
    }


if __name__ == "__main__":
    main()
