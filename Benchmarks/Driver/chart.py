# This source file is part of the swift-interprocess open source project
#
# Copyright (c) 2026 the swift-interprocess authors
# Licensed under Apache License v2.0
#
# See LICENSE for license information
#
# SPDX-License-Identifier: Apache-2.0

"""The results as charts in SVG, without any library."""
import math
from html import escape

import page
import results
from results import ns_per_op

OURS, LIMIT, OTHERS = "#d1491f", "#555555", "#8fa8c8"
LINES = ["#d1491f", "#1f6fb2", "#3d8f4f", "#8a4fa3", "#b08a00", "#555555"]


class Svg:
    def __init__(self, width, height):
        self.width, self.height = width, height
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                      f'width="{width}" height="{height}" font-family="system-ui, sans-serif" '
                      'font-size="12">', f'<rect width="{width}" height="{height}" fill="white"/>']

    def text(self, x, y, words, anchor="start", **more):
        style = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in more.items())
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>'
                          f'{escape(words)}</text>')

    def rect(self, x, y, width, height, fill):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" '
                          f'height="{height:.1f}" fill="{fill}"/>')

    def line(self, x1, y1, x2, y2, stroke="#dddddd", dash=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{stroke}"' + (f' stroke-dasharray="{dash}"' if dash else "")
                          + "/>")

    def path(self, points, stroke):
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{steps}" fill="none" stroke="{stroke}" '
                          'stroke-width="2"/>')

    def band(self, points, fill):
        steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polygon points="{steps}" fill="{fill}" opacity="0.18"/>')

    def __str__(self):
        return "\n".join(self.parts + ["</svg>", ""])


def decades(low, high):
    """A scale of whole powers of ten around these values."""
    return math.floor(math.log10(low) + 1e-9), max(math.ceil(math.log10(high) - 1e-9),
                                                  math.floor(math.log10(low)) + 1)


# ---- bars ----------------------------------------------------------------------------------------

def bars(svg, y, title, rows, label, value, text, mark=None):
    """Horizontal bars on a logarithmic scale. Returns where they end."""
    left, right, step = 330, svg.width - 90, 19
    svg.text(16, y, title, font_weight="bold")
    low, high = decades(min(map(value, rows)), max(map(value, rows)))

    def at(v):
        return left + (math.log10(v) - low) / (high - low) * (right - left)
    top = y + 10
    for power in range(low, high + 1):
        svg.line(at(10 ** power), top, at(10 ** power), top + step * len(rows))
    for i, row in enumerate(rows):
        v = value(row)
        fill = OURS if row.get("lang") == "Swift" else LIMIT if row.get("lang") == "limit" else OTHERS
        svg.text(left - 8, top + step * i + 14, label(row), "end")
        svg.rect(left, top + step * i + 3, at(v) - left, step - 6, fill)
        svg.text(at(v) + 6, top + step * i + 14, text(row))
        if mark and low <= math.log10(mark(row)) <= high:
            x = at(mark(row))
            svg.line(x, top + step * i, x, top + step * (i + 1), "black", "3 2")
    return top + step * len(rows) + 26


# Tests, and the size if there are several; of these, contenders that spin.
PANELS = [
    ("pingpong", 8, "Round trip of 8 bytes, both sides spin"),
    ("asleep", None, "Round trip to a receiver that sleeps"),
    ("asleep, one core", None, "Round trip to a receiver that sleeps, on one processor"),
    ("one core", None, "Round trip without pauses, on one processor"),
    ("passing", None, "A lock that is handed to a sleeper"),
    ("contended", None, "A lock that several processes want, turns a second"),
    ("stream", 8, "8 bytes one way, both sides spin"),
    ("stream", 64, "64 bytes one way, both sides spin"),
    ("stream", 1 << 10, "1 KiB one way, both sides spin"),
    ("stream", 4 << 10, "4 KiB one way, both sides spin"),
    ("crowd", None, "8 bytes from several processes to several others"),
    ("publish to receivers", None, "Publishing 8 bytes in a topic"),
]
LIMIT_CONTENDERS = (results.CACHE_LINE, "futex", "C++ SPSC ring")


def limit_bar(row):
    return row | {"lang": "limit"} if row["contender"] in LIMIT_CONTENDERS else row


def overview(rows, aims):
    """Round trips of the smallest message, what several processes do, and what the aims ask and
    got."""
    main = [r for r in rows if not r["is_curve"]]
    panels = []
    for test, size, title in PANELS:
        some = [limit_bar(r) for r in main if r["test"] == test
                and (not size or r["size"] == size and r["wait"] == "spin")]
        if test == "pingpong" and some:
            some += [limit_bar(r) for r in main if r["test"] == "limit"]
        if some:
            by_case = test in page.BY_CASE
            some.sort(key=lambda r: (
                r["lang"] != "limit" and not by_case, page.in_order(r["case"] if by_case else ""),
                ns_per_op(r, r["median"])))
            panels.append((f"{title} (logarithmic)", some, page.name, lambda r: r["median"],
                           lambda r: page.figure(r, r["median"]), None))
    aims = [a for a in aims if a["ratio"] is not None]
    if aims:
        panels.append((
            "The aims: time as a ratio to that of the limit; dashed: at most (logarithmic)",
            [a | {"lang": "Swift"} for a in aims],
            lambda a: a["aim"].split(", with")[0] + (
                f", {page.size(a['size'])}" if a["size"] else ""),
            lambda a: a["ratio"], lambda a: page.ratio(a["ratio"]), lambda a: a["most"]))
    height = 20 + sum(36 + 19 * len(p[1]) for p in panels)
    svg, y = Svg(900, height), 24
    for title, some, label, value, text, mark in panels:
        y = bars(svg, y, title, some, label, value, text, mark)
    return str(svg)


# ---- curves --------------------------------------------------------------------------------------

AXES = {"pingpong": "payload", "copy": "bytes copied", "lifecycle": "bytes of the segment",
        "segments": "segments in /dev/shm", "array": "bytes of the array"}


def curves(rows):
    """One small chart for each case that grows, with a line for each contender."""
    panels = {}
    for r in rows:
        if r["is_curve"]:
            case = "" if r["test"] == "pingpong" else r["case"]
            panels.setdefault((r["test"], case), {}).setdefault(r["contender"], []).append(r)
    panels = {k: v for k, v in panels.items() if any(len(line) > 1 for line in v.values())}
    width, height, across = 440, 260, 2
    svg = Svg(width * across, height * math.ceil(len(panels) / across))
    for i, ((test, case), lines) in enumerate(sorted(panels.items())):
        curve(svg, i % across * width, i // across * height, width, height, test, case, lines)
    return str(svg)


def curve(svg, x0, y0, width, height, test, case, lines):
    left, right, top, bottom = x0 + 62, x0 + width - 16, y0 + 54, y0 + height - 40
    points = [r for line in lines.values() for r in line]
    times = [ns_per_op(r, v) for r in points for v in (r["min"], r["max"])]
    low, high = decades(min(times), max(times))
    least, most = min(r["size"] for r in points), max(r["size"] for r in points)

    def at(n, t):
        x = math.log(n / least) / math.log(most / least)
        y = (math.log10(t) - low) / (high - low)
        return left + x * (right - left), bottom - y * (bottom - top)
    title = {"pingpong": "round trip through a mailbox", "copy": "copy"}.get(test, case)
    svg.text(x0 + 16, y0 + 20, f"{title} by {AXES[test]}", font_weight="bold")
    for power in range(low, high + 1):
        _, y = at(least, 10 ** power)
        svg.line(left, y, right, y)
        svg.text(left - 6, y + 4, page.time(10 ** power).replace(".00", "").replace(".0", ""), "end",
                 font_size=10)
    sizes = sorted({r["size"] for r in points})
    for n in sizes[::max(1, len(sizes) // 4)]:
        x, _ = at(n, 10 ** low)
        svg.text(x, bottom + 16, f"{n}" if test == "segments" else page.size(n), "middle",
                 font_size=10)
    for k, (contender, line) in enumerate(sorted(
            lines.items(), key=lambda kv: kv[1][0]["lang"] != "Swift")):
        line.sort(key=lambda r: r["size"])
        colour = LINES[k % len(LINES)]
        svg.band([at(r["size"], ns_per_op(r, r["max"])) for r in line]
                 + [at(r["size"], ns_per_op(r, r["min"])) for r in reversed(line)], colour)
        svg.path([at(r["size"], ns_per_op(r, r["median"])) for r in line], colour)
        x = x0 + 16 + 210 * (k % 2)
        svg.rect(x, y0 + 29 + 12 * (k // 2), 8, 8, colour)
        svg.text(x + 13, y0 + 37 + 12 * (k // 2), contender, font_size=10)
