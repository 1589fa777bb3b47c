#!/usr/bin/env python3
"""Checks that `bespoke serve` loses no events and uses constant memory under 200 streams and 50 polls per second.

The test starts one run after another. Each stream follows a run from its first event to its end, and then the next run. Half
of the streams disconnect in the middle and reconnect with Last-Event-ID. An event counts as lost if

  - a stream's numbers skip one,
  - two streams of a run differ, or
  - a poll returns fewer events than a stream received before.

Memory is the server's VmRSS. The test reads it every second, after WARM_UP_RUNS runs have ended under the same load. Two of
those make a video, so all one-time allocations have been made by then. Memory counts as constant if the median of the last
third is at most 10 % above the median of the first third.

    streams.py BESPOKE [SECONDS]        60 by default, after the warm-up; a release must pass 600
"""

import asyncio
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
STREAMS = 200
POLLS_PER_SECOND = 50
WARM_UP_RUNS = 6
CUSTOMERS = ["0001", "0002", "0006", "0007"]
SETTINGS = '[voice]\nengine = "espeak"\n[video]\nresolution = 180\npreset = "ultrafast"\n'


class Server:
    """A `bespoke serve` process and an HTTP client for it."""

    def __init__(self, bespoke, folder):
        (folder / "bespoke.toml").write_text(SETTINGS)
        env = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
               "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
        self.process = subprocess.Popen([bespoke, "serve", "--port", "0", "--json"], cwd=folder, env=env,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        report = ""
        while not report.rstrip().endswith("}"):
            report += self.process.stdout.readline() or sys.exit("the server ended before it listened")
        report = json.loads(report)
        self.host = report["address"].removeprefix("http://")
        self.token = report["token"]
        self.port = int(self.host.rsplit(":", 1)[1])

    def memory(self):
        """Returns the resident memory in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    async def send(self, method, path, headers=(), body=b""):
        """Sends a request. Returns the status, the reader, the writer, and whether the body is chunked."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", f"host: {self.host}", f"authorization: Bearer {self.token}",
                 f"content-length: {len(body)}", "connection: close", *headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        chunked = False
        while (line := (await reader.readline()).strip()):
            chunked |= line.lower() == b"transfer-encoding: chunked"
        return status, reader, writer, chunked

    async def json(self, method, path, headers=(), body=None):
        """Sends a request with a JSON body. Returns the status and the JSON of the response."""
        data = b"" if body is None else json.dumps(body).encode()
        status, reader, writer, chunked = await self.send(method, path, ["content-type: application/json", *headers], data)
        content = b"".join([chunk async for chunk in chunks(reader)]) if chunked else await reader.read()
        writer.close()
        return status, json.loads(content)


async def chunks(reader):
    """Yields the chunks of a chunked body."""
    while (size := int((await reader.readline()).strip() or b"0", 16)):
        yield await reader.readexactly(size)
        await reader.readline()


async def events(server, path, last):
    """Yields the events of a run after the number `last`, until the server closes the stream."""
    headers = ["accept: text/event-stream", f"last-event-id: {last}"]
    status, reader, writer, _ = await server.send("GET", f"{path}/events", headers)
    assert status == 200, status
    try:
        rest = b""
        async for chunk in chunks(reader):
            rest += chunk
            while b"\n\n" in rest:
                message, rest = rest.split(b"\n\n", 1)
                for line in message.splitlines():
                    if line.startswith(b"data: "):
                        yield json.loads(line[6:])
    finally:
        writer.close()


class Load:
    """Puts load on the server, and counts the events that its streams and polls receive."""

    def __init__(self, server, seconds):
        self.server = server
        self.seconds = seconds
        # The time at which the measurement ends. None during the warm-up.
        self.end = None
        self.run_path = None
        self.run_started = asyncio.Condition()
        self.runs = 0
        self.received = 0
        self.lost = 0
        self.polls = 0
        self.poll_seconds = []
        # The events that any stream or poll received, by run and number.
        self.known = collections.defaultdict(dict)

    def is_running(self):
        return self.end is None or time.monotonic() < self.end

    def record(self, path, event):
        """Records an event of a run, and counts it as lost if another stream received a different one."""
        self.lost += self.known[path].setdefault(event["number"], event) != event

    async def start_runs(self):
        """Starts one run after another, with alternating customers and a new idempotency key each."""
        while self.is_running():
            self.runs += 1
            body = {"customer_id": CUSTOMERS[self.runs % len(CUSTOMERS)], "video": self.runs % 3 == 0}
            status, started = await self.server.json("POST", "/v1/recommendations", [f"idempotency-key: {self.runs}"], body)
            assert status == 202, started
            async with self.run_started:
                self.run_path = started["self"]
                self.run_started.notify_all()
            async for _ in events(self.server, self.run_path, 0):
                pass
            await asyncio.sleep(0.2)
            if self.runs == WARM_UP_RUNS:
                self.end = time.monotonic() + self.seconds
                self.polls = 0
                self.poll_seconds = []

    async def follow(self, number):
        """Follows each run with one stream. Streams with an odd number disconnect once a run and reconnect."""
        followed = None
        while self.is_running():
            async with self.run_started:
                try:
                    new_run = self.run_started.wait_for(lambda: self.run_path not in [None, followed])
                    await asyncio.wait_for(new_run, 2)
                except TimeoutError:
                    continue
            followed = self.run_path
            await self.follow_run(followed, disconnects=number % 2 == 1)

    async def follow_run(self, path, disconnects):
        last, ended = 0, False
        while not ended:
            async for event in events(self.server, path, last):
                self.lost += event["number"] != last + 1
                self.record(path, event)
                self.received += 1
                last, ended = event["number"], event["kind"] == "end"
                if disconnects and last == 7:
                    disconnects = False
                    break

    async def poll(self):
        """Sends polls at a fixed rate, regardless of how fast responses arrive."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as polls:
            while self.is_running():
                if self.run_path:
                    polls.create_task(self.poll_once(self.run_path))
                due += 1 / POLLS_PER_SECOND
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def poll_once(self, path):
        """Requests the newest events of a run and checks them against those that streams received before."""
        begun = time.monotonic()
        newest = max(self.known[path], default=0)
        after = max(0, newest - 3)
        status, page = await self.server.json("GET", f"{path}/events?after={after}")
        numbers = [event["number"] for event in page["events"]]
        assert status == 200 and numbers == list(range(after + 1, page["next"] + 1)), page
        self.lost += page["next"] < newest
        for event in page["events"]:
            self.record(path, event)
        self.polls += 1
        self.poll_seconds.append(time.monotonic() - begun)

    async def sample_memory(self, samples):
        """Appends the server's memory to `samples` every second of the measurement."""
        while self.is_running():
            if self.end is not None:
                samples.append(self.server.memory())
            await asyncio.sleep(1)


async def main(bespoke, seconds):
    """Runs the load, prints the counts, and returns whether the server passes."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(bespoke, pathlib.Path(folder))
        try:
            load, samples = Load(server, seconds), []
            await asyncio.gather(load.start_runs(), load.poll(), load.sample_memory(samples),
                                 *(load.follow(number) for number in range(STREAMS)))
        finally:
            server.process.terminate()
            server.process.wait()
    third = max(1, len(samples) // 3)
    before, after = statistics.median(samples[:third]), statistics.median(samples[-third:])
    slowest = sorted(load.poll_seconds)[int(len(load.poll_seconds) * 0.99)] * 1000
    print(f"{STREAMS} streams for {seconds} s on {load.runs} runs: {load.received} events, {load.lost} lost; "
          f"{load.polls / seconds:.0f} polls per second, 99 % within {slowest:.0f} ms; "
          f"memory {before:.0f} MB in the first third, {after:.0f} MB in the last ({after / before:.2f})")
    return load.lost == 0 and load.received > 0 and after <= before * 1.1


if __name__ == "__main__":
    measured_seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    sys.exit(0 if asyncio.run(main(os.path.abspath(sys.argv[1]), measured_seconds)) else 1)
