"""Runs the tests that are built, shows their progress, and sums up the failures.

    python3 scripts/watch-tests.py [--filter PATTERN]... [--skip PATTERN]...

Each suite runs in a process of its own, so that a thread or a descriptor that a failed test has left
there does not make another suite fail. As many suites run at once as there are processors, but no more
than four. Within a suite the tests run one after the other, so that a time limit bounds only its own
test.

Prints a line for each suite that has ended, each failure as it comes, and on a terminal also the test
that is running. The tests' output goes to `.build/test-logs`. At the end lists the failed tests, with the
command that runs each of them alone, the skipped tests and why, the slowest tests, and those that ran in
a short form. Fails also if the tests have left a name in /dev/shm.
"""

import argparse
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

LOGS = ".build/test-logs"
# The names that tests make contain this, and their suite.
RUN = f"{os.getpid()}."
# The slowest suites start first, so that none of them runs alone at the end.
FIRST = [
    "InterprocessTests.HiddenProcessTests", "ModelTests.SemaphoreModelTests",
    "InterprocessTests.CrashTests", "InterprocessTests.WakeUpTests", "InterprocessTests.ForeignLockTests",
    "ModelTests.RobustLockModelTests", "ModelTests.SharedValueModelTests",
    "ModelTests.ByteQueueModelTests", "ExampleTests.ProgramTests", "InterprocessTests.RoomTests",
]


# This suite cannot tell what processes of other users have open, so no other suite may run beside it.
ALONE = {"InterprocessTests.HiddenProcessTests"}


class Suite:
    """The process that runs the tests of a suite."""

    def __init__(self, bundle, name, patterns):
        self.name = name
        self.log = f"{LOGS}/{name}.log"
        self.events = f"{LOGS}/{name}.jsonl"
        self.rest = b""
        self.position = 0
        self.is_over = False
        # As `swift test` starts it.
        arguments = [bundle, "--testing-library", "swift-testing", "--no-parallel"]
        for pattern in patterns:
            arguments += ["--filter", pattern]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                arguments + ["--event-stream-output-path", self.events],
                env=os.environ | {"INTERPROCESS_TEST_RUN": RUN + name.split(".")[-1]},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def records(self):
        """The events since the last call."""
        if not os.path.exists(self.events):
            return []
        with open(self.events, "rb") as events:
            events.seek(self.position)
            chunk = events.read()
        self.position += len(chunk)
        lines = (self.rest + chunk).split(b"\n")
        self.rest = lines.pop()
        return [json.loads(line) for line in lines if line.strip()]

    def lines(self):
        with open(self.log, errors="replace") as log:
            return log.read().splitlines()


class Run:
    def __init__(self, count):
        self.names = {}  # the display name of each test and suite, by its identifier
        self.count = count
        self.ended = 0
        self.begun = {}  # when each running test began
        self.lengths = {}
        self.suites = collections.Counter()
        self.failed = collections.OrderedDict()  # the issues of each failed test
        self.skipped = collections.defaultdict(list)
        self.cut_off = []  # suites whose process ended before its tests
        self.short_forms = set()
        self.isatty = sys.stdout.isatty()
        self.shown = 0

    def say(self, line):
        self.clear()
        print(line, flush=True)

    def clear(self):
        if self.isatty:
            print("\r\033[K", end="", flush=True)

    def show(self, identifier):
        """Shows a running test, on a terminal and not too often."""
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

    def handle(self, suite, record):
        payload = record["payload"]
        if record["kind"] == "test":
            self.names[payload["id"]] = payload.get("displayName", payload["name"])
            return
        kind, test = payload["kind"], payload.get("testID")
        texts = [message["text"] for message in payload.get("messages", [])]
        if kind == "runEnded":
            suite.is_over = True
        elif kind == "issueRecorded" and not payload.get("issue", {}).get("isKnown"):
            # An issue recorded outside any test counts for the suite.
            self.fail(test or suite.name, payload.get("issue", {}), texts)
        elif test is None:
            return
        elif kind == "testStarted":
            self.begun[test] = payload["instant"]["absolute"]
            self.show(test)
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

    def fail(self, test, issue, texts):
        place = issue.get("sourceLocation", {})
        issue = f"{place.get('fileID', '?')}:{place.get('line', '?')}: {' '.join(texts)}"
        issues = self.failed.setdefault(test, [])
        if len(issues) < 3:
            self.say(f"✘ {self.suite(test)}: {self.name(test)}\n    {issue}")
        issues.append(issue)

    def finish(self, suite):
        """Reads the log of a suite whose process has ended."""
        lines = suite.lines()
        self.short_forms.update(line for line in lines if line.startswith("Short form: "))
        if suite.is_over and suite.process.returncode == 0:
            return
        if suite.is_over and any(test.split("/")[0] == suite.name for test in self.failed):
            return
        self.cut_off.append(suite)
        crash = next(
            (i for i, line in enumerate(lines) if "Fatal error" in line or "crashed" in line), -40)
        self.say(f"✘ {self.name(suite.name)}: its process ended with {suite.process.returncode}")
        print("\n".join(lines[crash:][:40]), flush=True)

    def sum_up(self, seconds):
        if self.lengths:
            slowest = sorted(self.lengths, key=self.lengths.get, reverse=True)[:5]
            self.say("Slowest: " + "; ".join(
                f"{self.name(test)} ({self.lengths[test]:.0f} s)" for test in slowest))
        count = sum(len(tests) for tests in self.skipped.values())
        if count:
            self.say(f"Skipped: {count}")
            for reason, tests in sorted(self.skipped.items()):
                self.say(f"  {reason}: {len(tests)}")
        if self.short_forms:
            self.say(
                f"Short forms: {len(self.short_forms)} campaigns, mutations and models ran with fewer rounds; "
                "--whole runs them in full.")
        for suite in self.cut_off:
            self.say(f"Ended early: {self.name(suite.name)}, in:")
            for test in self.begun:
                if test.startswith(suite.name + "/"):
                    self.say(f"  {self.name(test)}\n    {alone(test)}")
        if self.failed:
            self.say("Failed:")
            for test, issues in self.failed.items():
                self.say(f"  {self.suite(test)}: {self.name(test)} ({len(issues)})\n    {alone(test)}")
        self.say(f"{self.ended} tests in {len(self.suites)} suites, {seconds:.0f} s:")
        failed = len(self.failed) + len(self.cut_off)
        self.say(f"{self.ended - count - len(self.failed)} passed, {failed} failed, {count} skipped")


def alone(test):
    """The command that runs only this test."""
    suite, function = (test.split("/") + [""])[:2]
    return f"scripts/test --filter '{suite}/{function.split('(')[0]}'"


def left_names(before):
    """The names that the tests left in /dev/shm. Other tests may run there at the same time."""
    mapped = set()
    for path in glob.glob("/proc/[0-9]*/maps"):
        try:
            with open(path, errors="replace") as maps:
                mapped.update(re.findall(r"/dev/shm/(\S+)", maps.read()))
        except OSError:
            pass  # the process has ended, or belongs to another user
    for name in sorted(set(os.listdir("/dev/shm")) - before):
        is_certain = f"ipctest_{RUN}" in name
        if is_certain or name not in mapped and re.match(r"swift_|\.swift-", name):
            yield name, is_certain


def find_tests(bundle, arguments):
    """For each suite, the tests to run and the patterns that choose them."""
    listed = subprocess.run(
        [bundle, "--testing-library", "swift-testing", "--list-tests"],
        check=True, capture_output=True, text=True).stdout.split("\n")
    suites = collections.defaultdict(list)
    chosen = collections.defaultdict(list)
    for test in filter(None, listed):
        suite = test.split("/")[0]
        suites[suite].append(test)
        is_chosen = not arguments.filter or any(re.search(p, test) for p in arguments.filter)
        if is_chosen and not any(re.search(p, test) for p in arguments.skip):
            chosen[suite].append(test)
    order = {suite: index for index, suite in enumerate(FIRST)}
    for suite in sorted(chosen, key=lambda suite: order.get(suite, len(FIRST))):
        if chosen[suite] == suites[suite]:
            patterns = [f"^{re.escape(suite)}/"]
        else:
            patterns = ["^" + re.escape(test.split("(")[0]) + r"\(" for test in chosen[suite]]
        yield suite, chosen[suite], patterns


def may_start(name, running, lane_count):
    if name in ALONE or any(suite.name in ALONE for suite in running):
        return not running
    return len(running) < lane_count


def main():
    parser = argparse.ArgumentParser(prog="scripts/test")
    parser.add_argument("--filter", action="append", default=[], metavar="PATTERN")
    parser.add_argument("--skip", action="append", default=[], metavar="PATTERN")
    arguments = parser.parse_args()
    begin = time.monotonic()
    products = subprocess.run(
        ["swift", "build", "--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()
    bundle = glob.glob(f"{products}/*.xctest")[0]
    waiting = list(find_tests(bundle, arguments))
    if not waiting:
        sys.exit("scripts/test: there is no such test")
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    run = Run(sum(len(tests) for _, tests, _ in waiting))
    before = set(os.listdir("/dev/shm"))
    running = []
    lane_count = min(4, max(2, len(os.sched_getaffinity(0))))
    while waiting or running:
        while waiting and may_start(waiting[0][0], running, lane_count):
            name, _, patterns = waiting.pop(0)
            running.append(Suite(bundle, name, patterns))
        time.sleep(0.05)
        for suite in list(running):
            has_ended = suite.process.poll() is not None
            for record in suite.records():
                run.handle(suite, record)
            if has_ended:
                running.remove(suite)
                run.finish(suite)
    run.sum_up(time.monotonic() - begin)
    status = 1 if run.failed or run.cut_off else 0
    # A process that a test has ended may need a moment to remove its name.
    end = time.monotonic() + 5
    while any(is_certain for _, is_certain in left_names(before)) and time.monotonic() < end:
        time.sleep(0.1)
    left = list(left_names(before))
    for name, is_certain in left:
        if is_certain:
            os.remove(f"/dev/shm/{name}")
    if left:
        shown = ", ".join(name for name, _ in left[:5]) + (", ..." if len(left) > 5 else "")
        print(f"The tests left {shown} in /dev/shm: {len(left)} in all.")
        status = 1
    if status:
        print(f"The output of each suite is in {LOGS}.")
    sys.exit(status)


main()
