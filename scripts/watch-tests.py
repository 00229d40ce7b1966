"""Runs the tests that are built, shows how far they are, and sums up what failed.

    python3 scripts/watch-tests.py [arguments of `swift test`]

Prints a line for each suite that has ended, and each failure as it comes; on a terminal also the test
that runs. Everything that the tests print goes to `.build/test.log`. Ends with the tests that failed and
the command that runs each of them alone, those that were skipped and why, and the slowest ones; and fails
also if the tests have left a name in /dev/shm.
"""

import collections
import glob
import json
import os
import re
import subprocess
import sys
import time

LOG = ".build/test.log"
EVENTS = ".build/test-events.jsonl"


class Run:
    def __init__(self):
        self.names = {}  # the display name of each test and suite, by its identifier
        self.count = 0
        self.ended = 0
        self.begun = {}  # when each test that runs has begun
        self.lengths = {}
        self.suites = collections.Counter()
        self.failed = collections.OrderedDict()  # what was wrong with each test
        self.skipped = collections.defaultdict(list)
        self.is_over = False
        self.isatty = sys.stdout.isatty()
        self.shown = 0

    def say(self, line):
        self.clear()
        print(line, flush=True)

    def clear(self):
        if self.isatty:
            print("\r\033[K", end="", flush=True)

    def show(self, identifier):
        """Shows the test that runs, on a terminal and not too often."""
        now = time.monotonic()
        if not self.isatty or now - self.shown < 0.1:
            return
        self.shown = now
        width = os.get_terminal_size().columns - 1
        line = f"{self.ended} of {self.count}  {self.suite(identifier)}: {self.name(identifier)}"
        self.clear()
        print(line[:width], end="", flush=True)

    def name(self, identifier):
        return self.names.get(identifier, identifier)

    def suite(self, identifier):
        return self.name(identifier.split("/")[0])

    def handle(self, record):
        payload = record["payload"]
        if record["kind"] == "test":
            self.names[payload["id"]] = payload.get("displayName", payload["name"])
            if payload["kind"] == "function":
                self.count += 1
            return
        kind, test = payload["kind"], payload.get("testID")
        texts = [message["text"] for message in payload.get("messages", [])]
        if kind == "runEnded":
            self.is_over = True
        elif test is None:
            return
        elif kind == "testStarted":
            self.begun[test] = payload["instant"]["absolute"]
            self.show(test)
        elif kind == "issueRecorded" and not payload.get("issue", {}).get("isKnown"):
            place = payload.get("issue", {}).get("sourceLocation", {})
            where = f"{place.get('fileID', '?')}:{place.get('line', '?')}"
            issue = f"{where}: {' '.join(texts)}"
            if test not in self.failed:
                self.failed[test] = []
            if len(self.failed[test]) < 3:
                self.say(f"✘ {self.suite(test)}: {self.name(test)}\n    {issue}")
            self.failed[test].append(issue)
        elif kind == "testSkipped":
            if "/" in test:
                self.ended += 1
            reason = re.search(r'skipped: "(.*)"', " ".join(texts))
            self.skipped[reason.group(1) if reason else "without a reason"].append(test)
        elif kind == "testEnded":
            length = payload["instant"]["absolute"] - self.begun.pop(test, payload["instant"]["absolute"])
            if "/" in test:
                self.ended += 1
                self.lengths[test] = length
                self.suites[test.split("/")[0]] += 1
                self.show(test)
            else:
                mark = "✘" if any(t.split("/")[0] == test for t in self.failed) else "✔"
                number = self.suites[test]
                self.say(
                    f"{mark} {self.ended:4} of {self.count}  {self.name(test)}: "
                    f"{number} test{'s' * (number != 1)}, {length:.1f} s")

    def sum_up(self):
        if self.lengths:
            slowest = sorted(self.lengths, key=self.lengths.get, reverse=True)[:5]
            self.say("Slowest: " + "; ".join(
                f"{self.name(test)} ({self.lengths[test]:.0f} s)" for test in slowest))
        count = sum(len(tests) for tests in self.skipped.values())
        if count:
            self.say(f"Skipped: {count}")
            for reason, tests in sorted(self.skipped.items()):
                self.say(f"  {reason}: {len(tests)}")
        if not self.is_over:
            self.say("The tests ended before their time, in:")
            for test in self.begun:
                if "/" in test:
                    self.say(f"  {self.suite(test)}: {self.name(test)}\n    {alone(test)}")
        if self.failed:
            self.say("Failed:")
            for test, issues in self.failed.items():
                self.say(f"  {self.suite(test)}: {self.name(test)} ({len(issues)})\n    {alone(test)}")


def alone(test):
    """The command that runs a test alone."""
    suite, function = (test.split("/") + [""])[:2]
    return f"scripts/test --filter '{suite}/{function.split('(')[0]}'"


def left_names(before):
    """What the tests have left in /dev/shm. Other tests may run there at the same time."""
    mapped = set()
    for path in glob.glob("/proc/[0-9]*/maps"):
        try:
            with open(path, errors="replace") as maps:
                mapped.update(re.findall(r"/dev/shm/(\S+)", maps.read()))
        except OSError:
            pass  # the process is gone, or is another user's
    for name in sorted(set(os.listdir("/dev/shm")) - before):
        # A test's own name holds the number of the process that ran the test.
        process = re.search(r"ipctest_(\d+)_", name)
        is_ours = process or re.match(r"swift_|\.swift-", name)
        is_in_use = name in mapped or process and os.path.exists(f"/proc/{process.group(1)}")
        if is_ours and not is_in_use:
            yield name, bool(process)


def main():
    run = Run()
    before = set(os.listdir("/dev/shm"))
    if os.path.exists(EVENTS):
        os.remove(EVENTS)
    with open(LOG, "wb") as log:
        process = subprocess.Popen(
            ["swift", "test", "--skip-build", "--disable-xctest", "--no-parallel",
             "--event-stream-output-path", EVENTS] + sys.argv[1:],
            stdout=log, stderr=subprocess.STDOUT)
    rest = b""
    position = 0
    while True:
        has_ended = process.poll() is not None
        if os.path.exists(EVENTS):
            with open(EVENTS, "rb") as events:
                events.seek(position)
                chunk = events.read()
            position += len(chunk)
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if line.strip():
                    run.handle(json.loads(line))
        if has_ended:
            break
        time.sleep(0.1)
    run.clear()
    with open(LOG, errors="replace") as log:
        lines = log.read().splitlines()
    if not run.is_over:
        crash = next(
            (i for i, line in enumerate(lines) if "Fatal error" in line or "crashed" in line), -40)
        print("\n".join(lines[crash:][:40]))
    run.sum_up()
    # The sentence of the testing library itself.
    closing = [line for line in lines if "Test run with" in line]
    print(closing[-1] if closing else f"The run did not come to its end; see {LOG}.", flush=True)
    status = 1 if run.failed else abs(process.returncode)
    for name, is_certain in left_names(before):
        print(f"The tests left {name} in /dev/shm.")
        if is_certain:
            os.remove(f"/dev/shm/{name}")
        status = status or 1
    if status:
        print(f"All that was printed is in {LOG}.")
    sys.exit(status)


main()
