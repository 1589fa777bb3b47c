#!/usr/bin/env python3
"""Simulates a campaign on AWS against the published quotas: hours, dollars, lost customers, and the share with the intended voice.

    tests/bench/aws_campaign.py [CUSTOMERS]

Two thirds of the customers get a video. The simulation applies the workflow's own retry rules, which it reads from
infra/workflow.asl.json, to a sample of the customers, and scales the result. `before` is version 0.2.0, which retries a
refused call six times, sends 43 Polly requests for each video, and changes the voice after a throttled request. Quotas and
prices:

- Lambda: 10 or 1,000 functions at once (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)
- Polly, neural: 8 requests a second, burst 10 (https://docs.aws.amazon.com/polly/latest/dg/limits.html); 16 dollars a
  million characters (https://aws.amazon.com/polly/pricing/)
- Step Functions: 0.025 dollars a thousand transitions (https://aws.amazon.com/step-functions/pricing/)
- Lambda: 0.0000133334 dollars a GB-second on arm64 (https://aws.amazon.com/lambda/pricing/)
"""

import heapq
import json
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATES = json.loads((ROOT / "infra/workflow.asl.json").read_text())["States"]["Customers"]["ItemProcessor"]["States"]
# Each stage's seconds and GB, as in docs/guides/operations-aws.md.
STAGES = [("Assess", 0.2, 0.5), ("Recommend", 0.3, 0.5), ("Narrate", 3.0, 1.0), ("Render", 36.0, 2.94), ("Publish", 0.4, 1.0)]
CHARACTERS = 919
SAMPLE = 3_000
RATE, BURST = 8.0, 10.0


def rule(state, error):
    """Returns a state's retry rule for an error."""
    return next((each for each in STATES[state]["Retry"] if error in each["ErrorEquals"]), None)


BEFORE = {"IntervalSeconds": 2, "MaxAttempts": 6, "BackoffRate": 2.0, "MaxDelaySeconds": 60}


def wait(retry, attempt, chance):
    """Returns the duration of a wait, with full jitter."""
    longest = min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
    return chance.uniform(0, longest)


class Bucket:
    """Polly's token bucket."""

    def __init__(self):
        self.tokens, self.at = BURST, 0.0

    def take(self, now, count):
        self.tokens = min(BURST, self.tokens + (now - self.at) * RATE)
        self.at = now
        if self.tokens < count:
            return False
        self.tokens -= count
        return True


class Campaign:
    def __init__(self, account, concurrency, after, requests):
        self.after, self.account, self.requests = after, account, requests
        self.concurrency = max(1, min(concurrency, account - 4)) if after else concurrency
        self.chance, self.polly = random.Random(7), Bucket()
        self.running = self.peak = self.transitions = 0
        self.wanted = self.other = self.lost = 0
        self.gb_seconds = self.characters = 0.0

    def run(self, customers):
        """Simulates all customers and returns the seconds until the last one ends. Each event is (time, order, step)."""
        events, left, order = [], customers, iter(range(10**9))

        def push(at, step):
            heapq.heappush(events, (at, next(order), step))

        def start(at):
            nonlocal left
            if left:
                left -= 1
                push(at, lambda now: stage(now, 0, 0, 0))

        def stage(now, index, attempt, throttles):
            name, seconds, memory = STAGES[index]
            retry = rule(name, "Lambda.TooManyRequestsException") if self.after else BEFORE
            if self.running >= self.account:
                if attempt >= retry["MaxAttempts"]:
                    # Recording the failure also takes a call, and the account has no more capacity than before.
                    self.lost += 1
                    return start(now)
                return push(now + wait(retry, attempt, self.chance), lambda at: stage(at, index, attempt + 1, throttles))
            if name == "Narrate":
                spoken = self.speak(now)
                if not spoken and self.after:
                    retry = rule(name, "Narrate.Throttled")
                    if throttles >= retry["MaxAttempts"]:
                        self.lost += 1
                        return start(now)
                    self.transitions += 1
                    return push(now + wait(retry, throttles, self.chance), lambda at: stage(at, index, 0, throttles + 1))
                self.wanted += spoken
                self.other += not spoken
            self.running += 1
            self.peak = max(self.peak, self.running)
            self.gb_seconds += seconds * memory
            self.transitions += 2
            push(now + seconds, lambda at: done(at, index))

        def done(now, index):
            self.running -= 1
            if index + 1 < len(STAGES):
                push(now, lambda at: stage(at, index + 1, 0, 0))
            else:
                start(now)

        for _ in range(self.concurrency):
            start(0.0)
        now = 0.0
        while events:
            now, _, step = heapq.heappop(events)
            step(now)
        return now

    def speak(self, now):
        """Sends the requests for one script. In version 0.2.0, each could be refused, and one refusal changed the voice."""
        if self.after:
            spoken = self.polly.take(now, self.requests)
            # Polly does not bill refused requests.
            self.characters += CHARACTERS * 2 if spoken else 0
            return spoken
        self.characters += CHARACTERS * 2
        # The SDK repeats a refused request up to twice within about a second, while the bucket refills.
        return all(any(self.polly.take(now + 0.09 * number + delay, 1) for delay in (0.0, 0.4, 1.2))
                   for number in range(self.requests))


def main():
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    videos = customers * 2 // 3
    print(f"{customers:,} customers, {videos:,} videos, a sample of {SAMPLE:,}\n")
    print("| account | version | Concurrency | hours | dollars | lost customers | intended voice | concurrent functions |")
    print("|---|---|---|---|---|---|---|---|")
    for account in (10, 1_000):
        for after, concurrency in ((False, 50), (True, 5), (True, 50), (True, 1_000)):
            campaign = Campaign(account, concurrency, after, requests=2 if after else 43)
            seconds = campaign.run(SAMPLE)
            scale = videos / SAMPLE
            dollars = scale * (campaign.gb_seconds * 0.0000133334 + campaign.transitions * 0.000025
                               + campaign.characters * 16 / 1e6)
            spoken = campaign.wanted + campaign.other
            print(f"| {account:,} | {'after' if after else 'before'} | {concurrency:,} | {seconds * scale / 3600:.1f} "
                  f"| {dollars:,.0f} | {campaign.lost / SAMPLE:.0%} | {campaign.wanted / max(1, spoken):.0%} | {campaign.peak} |")


if __name__ == "__main__":
    main()
