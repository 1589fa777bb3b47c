#!/usr/bin/env python3
"""Whether `bespoke serve` loses an event or grows while many watch: 200 streams and 50 polls a second, on runs that follow
one another.

Each stream follows a run from its first event to its end and then the next one; half of them hang up in the middle and come
back with Last-Event-ID. An event is lost if a stream's numbers skip one, if two streams of a run differ, or if a poll tells
less than a stream was told before. Memory is the server's own (VmRSS), read each second once WARM runs have ended under the
same load, two of them with a video: from then on all that is made once is made. It is flat if the median of the last third is
at most a tenth above that of the first.

    streams.py PROGRAM [SECONDS]        60 by default, after the warm-up; 600 is what is promised
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
STREAMS, POLLS, WARM = 200, 50, 6
SETTINGS = '[voice]\nengine = "espeak"\n[video]\nresolution = 180\npreset = "ultrafast"\n'


class Server:
    def __init__(self, program, folder):
        (folder / "bespoke.toml").write_text(SETTINGS)
        env = {"PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder / "home"), "EXCEL_PASSWORD": "meridian-demo",
               "BESPOKE_DATA": str(ROOT / "data"), "BESPOKE_ASSETS": str(ROOT / "assets")}
        self.process = subprocess.Popen([program, "serve", "--port", "0", "--json"], cwd=folder, env=env,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        told = ""
        while not told.rstrip().endswith("}"):
            told += self.process.stdout.readline() or sys.exit("the server ended before it listened")
        told = json.loads(told)
        self.host, self.token = told["address"].removeprefix("http://"), told["token"]
        self.port = int(self.host.rsplit(":", 1)[1])

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    async def send(self, method, path, headers=(), body=b""):
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
        data = b"" if body is None else json.dumps(body).encode()
        status, reader, writer, chunked = await self.send(method, path, ["content-type: application/json", *headers], data)
        content = b"".join([chunk async for chunk in chunks(reader)]) if chunked else await reader.read()
        writer.close()
        return status, json.loads(content)


async def chunks(reader):
    while (size := int((await reader.readline()).strip() or b"0", 16)):
        yield await reader.readexactly(size)
        await reader.readline()


async def events(server, place, last):
    """The events of a stream, until the server closes it."""
    headers = ["accept: text/event-stream", f"last-event-id: {last}"]
    status, reader, writer, _ = await server.send("GET", f"{place}/events", headers)
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


class Watch:
    def __init__(self, server, seconds):
        self.server, self.seconds, self.end = server, seconds, None
        self.place, self.started, self.runs = None, asyncio.Condition(), 0
        self.lost, self.seen, self.polls, self.late = 0, 0, 0, []
        self.by_run = collections.defaultdict(dict)

    def goes_on(self):
        return self.end is None or time.monotonic() < self.end

    async def start_runs(self):
        """One run after another, each another customer's or another key's."""
        while self.goes_on():
            self.runs += 1
            body = {"customer_id": ["0001", "0002", "0006", "0007"][self.runs % 4], "video": self.runs % 3 == 0}
            status, started = await self.server.json("POST", "/v1/recommendations", [f"idempotency-key: {self.runs}"], body)
            assert status == 202, started
            async with self.started:
                self.place = started["self"]
                self.started.notify_all()
            async for _ in events(self.server, self.place, 0):
                pass
            await asyncio.sleep(0.2)
            if self.runs == WARM:
                self.end = time.monotonic() + self.seconds
                self.polls, self.late = 0, []

    async def follow(self, number):
        followed = None
        while self.goes_on():
            async with self.started:
                try:
                    await asyncio.wait_for(self.started.wait_for(lambda: self.place not in [None, followed]), 2)
                except TimeoutError:
                    continue
            followed, last, ended, hung_up = self.place, 0, False, number % 2 == 0
            while not ended:
                async for event in events(self.server, followed, last):
                    self.lost += event["number"] != last + 1
                    self.lost += self.by_run[followed].setdefault(event["number"], event) != event
                    self.seen, last, ended = self.seen + 1, event["number"], event["kind"] == "end"
                    if not hung_up and last == 7:
                        hung_up = True
                        break

    async def poll(self):
        """Asks so often whether or not the answers keep up."""
        due = time.monotonic()
        async with asyncio.TaskGroup() as asked:
            while self.goes_on():
                if self.place:
                    asked.create_task(self.ask())
                due += 1 / POLLS
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def ask(self):
        begun, place = time.monotonic(), self.place
        told = self.by_run[place]
        known = max(told, default=0)
        after = max(0, known - 3)
        status, page = await self.server.json("GET", f"{place}/events?after={after}")
        numbers = [event["number"] for event in page["events"]]
        assert status == 200 and numbers == list(range(after + 1, page["next"] + 1)), page
        self.lost += page["next"] < known
        self.lost += sum(told.setdefault(event["number"], event) != event for event in page["events"])
        self.polls += 1
        self.late.append(time.monotonic() - begun)

    async def weigh(self, weights):
        while self.goes_on():
            if self.end is not None:
                weights.append(self.server.memory())
            await asyncio.sleep(1)


async def main(program, seconds):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, pathlib.Path(folder))
        try:
            watch, weights = Watch(server, seconds), []
            await asyncio.gather(watch.start_runs(), watch.poll(), watch.weigh(weights),
                                 *(watch.follow(number) for number in range(STREAMS)))
        finally:
            server.process.terminate()
            server.process.wait()
    third = max(1, len(weights) // 3)
    before, after = statistics.median(weights[:third]), statistics.median(weights[-third:])
    slowest = sorted(watch.late)[int(len(watch.late) * 0.99)] * 1000
    print(f"{STREAMS} streams for {seconds} s on {watch.runs} runs: {watch.seen} events, {watch.lost} lost; "
          f"{watch.polls / seconds:.0f} polls a second, 99 % within {slowest:.0f} ms; "
          f"memory {before:.0f} MB in the first third, {after:.0f} MB in the last ({after / before:.2f})")
    return watch.lost == 0 and watch.seen > 0 and after <= before * 1.1


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60)) else 1)
