# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""The machine: what it is, what else runs on it, and how a program is run on it."""
import ctypes
import json
import os
import platform
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import contenders


def describe(programs):
    """Processor, kernel and versions."""
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo")
                if line.startswith("model name")), platform.machine())
    packages = sorted({package for p in programs for package, _ in p.apt} | {"gcc", "libc6"})
    versions = {}
    if shutil.which("dpkg-query"):
        listed = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages],
                                capture_output=True, text=True).stdout
        versions = dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)
    versions |= dict(package.split("==") for p in programs for package in p.pip)
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=contenders.BENCHMARKS,
                            capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    huge = Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
    return {"processor": cpu, "cores": os.cpu_count(), "memory": f"{memory / 2**30:.0f} GiB",
            "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
            "kernel": platform.release(), "swift": swift.splitlines()[0] if swift else "",
            "python": platform.python_version(), "commit": commit,
            "huge pages in /dev/shm": huge.read_text().strip() if huge.exists() else "",
            "versions": versions}


def available_memory():
    for line in open("/proc/meminfo"):
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) << 10
    return 0


# ---- running one program -----------------------------------------------------------------------

def cpu_seconds():
    """(used by everything on this machine, used by our finished children), in seconds."""
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    busy = sum(fields) - fields[3] - fields[4]
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    return busy / os.sysconf("SC_CLK_TCK"), ours.ru_utime + ours.ru_stime


def adopt_orphans():
    """Makes helpers that outlive their parent (Python's resource tracker) our children, so that
    their time counts as ours."""
    try:
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    except (OSError, AttributeError):
        pass


def reap_orphans():
    for _ in range(3):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)  # a child is still ending, or it is a daemon, which stays


def call(command, limit):
    """Runs one program; (rows, cores that others used meanwhile, error or None)."""
    busy0, ours0 = cpu_seconds()
    t0 = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "BENCH_LINE": str(contenders.LINE),
             "PYTHONPATH": str(contenders.BENCHMARKS / "Harness/Python")})
    error = None
    try:
        out, err = process.communicate(timeout=limit)
    except BaseException as e:  # too slow, or an interrupt
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        if not isinstance(e, subprocess.TimeoutExpired):
            raise
        error = f"stopped after {limit:.0f} s"
    reap_orphans()
    if process.returncode and not error:
        error = (err.strip().splitlines() or [f"exit status {process.returncode}"])[-1][:200]
    busy1, ours1 = cpu_seconds()
    seconds = max(time.monotonic() - t0, 1e-3)
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return rows, max(0.0, ((busy1 - busy0) - (ours1 - ours0)) / seconds), error


class Daemon:
    """A daemon that a contender needs; one of our own, or the one that already runs."""

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        if not self.command:
            return True
        log = contenders.WORK / "daemon.log"
        with open(log, "w") as f:
            self.process = subprocess.Popen(self.command, stdout=f, stderr=f, cwd=contenders.WORK,
                                            start_new_session=True)
        for _ in range(100):
            time.sleep(0.05)
            text = log.read_text()
            if "ready for clients" in text or "still running" in text:
                return True
            if self.process.poll() is not None:
                break
        return False

    def __exit__(self, *_):
        if self.command and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
