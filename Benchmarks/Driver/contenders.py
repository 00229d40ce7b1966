# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""The contenders: a list, what each needs, and how it is built.

A contender is one file in `Contenders`. The comment at its beginning says what the driver has to know;
`Benchmarks/README.md` describes it.
"""
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parent.parent
FOLDER = BENCHMARKS / "Contenders"
WORK = BENCHMARKS / ".build-peers"
BIN, GENERATED, VENV = WORK / "bin", WORK / "generated", WORK / "venv"
PYTHON = VENV / "bin" / "python"
INCLUDE = BENCHMARKS / "Harness" / "C"
LINE = WORK / "bin" / "libline.so"

CC = ["gcc", "-O3", "-march=native", "-Wall", "-Wextra", "-std=gnu11"]
CXX = ["g++", "-O3", "-march=native", "-Wall", "-Wextra", "-std=c++17"]

# Contenders of one group, which are compared, run one after the other.
GROUPS = ["limit", "lifecycle", "copy", "access", "value", "list", "lock", "contended", "wake",
          "asleep", "one core", "idle", "messages", "crowd", "segments", "array"]
# In these, the receiver sleeps; a contender that is in the first is also in the second.
ASLEEP = ["asleep", "one core"]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def number(text):
    """64, 4K, 1M, 1G."""
    scale = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1], 1)
    return int(text.rstrip("KMG")) * scale


@dataclass
class Program:
    """One file: how it is built and what it needs."""
    path: Path
    apt: list = field(default_factory=list)  # (package, file that it brings)
    pip: list = field(default_factory=list)
    flags: list = field(default_factory=list)
    idl: str = ""
    daemon: list = field(default_factory=list)
    missing: str = ""  # why it cannot be built or run

    @property
    def command(self):
        if self.path.suffix == ".py":
            return [str(PYTHON), str(self.path)]
        if self.path.suffix == ".swift":
            return [str(BENCHMARKS / ".build" / "release" / self.path.stem)]
        return [str(BIN / self.path.stem)]


@dataclass
class Contender:
    name: str
    program: Program
    mode: str
    group: str
    sizes: list
    curve: list
    curve_only: bool

    @property
    def command(self):
        return (self.program.command + ([self.mode] if self.mode else [])
                + (["--asleep"] if self.group in ASLEEP else []))

    def cores(self, two):
        """The cores of its two sides, of the two that there are."""
        return ",".join([two.split(",")[0]] * 2) if self.group == "one core" else two

    @property
    def base(self):
        """What it measures, without how."""
        return self.name.split(",")[0]


def discover():
    """All contenders, in the order in which they run."""
    found = []
    for path in sorted(FOLDER.iterdir()):
        if path.suffix not in (".c", ".cpp", ".py", ".swift"):
            continue
        program, lines = Program(path), []
        for line in path.read_text().splitlines():
            word, _, rest = line.lstrip("/# ").partition(": ")
            if not line.startswith(("//", "#")) or word not in (
                    "contender", "sizes", "curve", "apt", "pip", "flags", "idl", "daemon"):
                continue
            if word == "contender":
                lines.append(dict(part.split("=", 1) for part in shlex.split(rest)))
            elif word in ("sizes", "curve"):
                lines[-1][word] = rest
            elif word == "apt":
                program.apt.append(tuple(rest.split()))
            elif word == "idl":
                program.idl = rest
            else:
                setattr(program, word, getattr(program, word) + shlex.split(rest))
        for line in lines:
            if line["group"] != "asleep":
                found.append(Contender(
                    line["name"], program, line.get("mode", ""), line["group"],
                    [number(n) for n in line.get("sizes", "8,1K,64K,1M").split(",")],
                    [number(n) for n in line["curve"].split(",")] if "curve" in line else [],
                    line.get("only") == "curve"))
            if "asleep" in (line["group"], line.get("also")):
                found += [Contender(f"{line['name']}, {group}", program, line.get("mode", ""),
                                    group, [8], [], False) for group in ASLEEP]
    # The limit of a group is in C, and comes first.
    language = {".c": 0, ".swift": 1, ".cpp": 2, ".py": 3}
    return sorted(found, key=lambda c: (GROUPS.index(c.group), language[c.program.path.suffix]))


# ---- installing and building -----------------------------------------------------------------

def install(programs):
    """Installs what these programs need and what can be had."""
    wanted = {package for p in programs for package, file in p.apt if not Path(file).exists()}
    if any(p.path.suffix == ".py" for p in programs) and subprocess.run(
            [sys.executable, "-c", "import ensurepip"], capture_output=True).returncode:
        wanted.add("python3-venv")
    wanted |= {c for c in ("gcc", "g++") if not shutil.which(c)}
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        say("Installing", *sorted(wanted))
        subprocess.run(["apt-get", "update", "-qq"], env=env, stdout=subprocess.DEVNULL)
        for package in sorted(wanted):  # one by one, so that a missing package does not affect the others
            subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package],
                           env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    elif wanted:
        say("Not root, or no apt-get. Left out for the lack of:", *sorted(wanted))
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    listed = subprocess.run([str(PYTHON), "-m", "pip", "list", "--format=freeze",
                             "--disable-pip-version-check"],
                            capture_output=True, text=True).stdout.lower().replace("_", "-")
    for program in programs:
        for package in program.pip:
            if package.lower().replace("_", "-") in listed.splitlines():
                continue
            say("Installing", package)
            if subprocess.run([str(PYTHON), "-m", "pip", "install", "-q",
                               "--disable-pip-version-check", package]).returncode:
                program.missing = f"pip cannot install {package}"


def build(programs):
    """Builds these programs, and notes why one cannot be had."""
    for folder in (BIN, GENERATED):
        folder.mkdir(parents=True, exist_ok=True)
    compile_c(CC + ["-shared", "-fPIC", str(BENCHMARKS / "Harness/Python/line.c")], LINE)
    for program in programs:
        program.missing = program.missing or missing(program)
        if program.missing or program.path.suffix not in (".c", ".cpp"):
            continue
        if program.idl and subprocess.run(["idlc", str(BENCHMARKS / program.idl)], cwd=GENERATED,
                                          capture_output=True).returncode:
            program.missing = "idlc fails"
            continue
        sources = [str(program.path)]
        if program.idl:
            sources += [f"-I{GENERATED}", str(GENERATED / (Path(program.idl).stem + ".c"))]
        compiler = CXX if program.path.suffix == ".cpp" else CC
        program.missing = compile_c(compiler + sources + program.flags, BIN / program.path.stem)
    swift = [p for p in programs if p.path.suffix == ".swift" and not p.missing]
    if swift:
        # The manifest lists existing files, which its cache does not notice; and an existing build
        # plan does not notice new files of the package beside this one.
        (BENCHMARKS / ".build" / "release.yaml").unlink(missing_ok=True)
        made = subprocess.run(["swift", "build", "-c", "release", "--manifest-cache", "none"],
                              cwd=BENCHMARKS, stdout=sys.stderr)
        if made.returncode:
            sys.exit("The programs in Swift do not build.")


def missing(program):
    for package, file in program.apt:
        if not Path(file).exists():
            return f"the package {package} cannot be had"
    if program.path.suffix in (".c", ".cpp"):
        compiler = "gcc" if program.path.suffix == ".c" else "g++"
        return "" if shutil.which(compiler) else f"{compiler} cannot be had"
    return ""


def compile_c(command, out):
    """Why it does not compile; empty if it does."""
    sources = [Path(w) for w in command if w.endswith((".c", ".cpp"))]
    newest = max(f.stat().st_mtime for f in [*sources, *INCLUDE.glob("*.h")])
    if out.exists() and out.stat().st_mtime > newest:
        return ""
    made = subprocess.run(command[:1] + [f"-I{INCLUDE}"] + command[1:] + ["-o", str(out)],
                          capture_output=True, text=True)
    if made.returncode:
        say(made.stderr[-2000:])
        return "it does not compile here"
    return ""
