#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sorts beside the peers that are installed: run.py DIRECTORY [RESULTS]

DIRECTORY holds the programs, RESULTS gets sort.tsv (a line for each cell),
summary.txt and the plots. Each program is a process of its own that answers
one question at a time, so no idle peer spins for long beside another one. The
programs take turns; a figure is the median of three turns' medians.

The environment narrows it down: SORT_TYPES="f8 i4", SORT_SHAPES="uniform zipf",
SORT_N="1000 1000000", SORT_NP="1 2", SORT_OPS="argsort sort sort_by", SORT_TURNS=3."""
import os
import shutil
import statistics
import subprocess
import sys

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
SHAPES = "uniform gauss zipf few equal sorted reversed nearly pipe nan"


def choice(name, default):
    return os.environ.get(name, default).split()


def start_all(directory):
    here = os.path.dirname(os.path.abspath(__file__))
    commands = {"ours": [os.path.join(directory, "ours")]}
    for peer in ("gnu_parallel", "tbb", "boost", "vqsort", "libc"):
        if os.path.exists(os.path.join(directory, peer)):
            commands[peer] = [os.path.join(directory, peer)]
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    if subprocess.run([python, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode == 0:
        for kind in ("stable", "quicksort"):
            commands["numpy_" + kind] = [python, os.path.join(here, "numpy_peer.py"), kind,
                                         directory]
    return {name: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, bufsize=1) for name, command in commands.items()}


def ask(process, question):
    process.stdin.write(question + "\n")
    process.stdin.flush()
    answer = process.stdout.readline().strip()
    return None if answer in ("-", "") else answer if answer == "wrong" else float(answer)


def measure(processes, op, type_, shape, n, np_):
    """Median ms of each program that has the function."""
    question = "%s %d %s %d %d" % (op, TYPES.index(type_), shape, n, np_)
    answers = {name: [] for name in processes}
    for _ in range(int(os.environ.get("SORT_TURNS", "3"))):
        for name, process in processes.items():
            answer = ask(process, question)
            if answer == "wrong":
                sys.exit("%s: wrong result: %s" % (name, question))
            if answer is not None:
                answers[name].append(answer)
    return {name: statistics.median(times) for name, times in answers.items() if times}


def summary(rows, names, out):
    peers = [name for name in names if name != "ours"]
    for op in ("argsort", "sort", "sort_by"):
        for np_ in sorted({row[4] for row in rows}):
            for n in sorted({row[3] for row in rows}):
                cells = [row for row in rows if (row[0], row[4], row[3]) == (op, np_, n)]
                ratios, lost = [], []
                for row in cells:
                    best = min((row[5][p], p) for p in peers if p in row[5])
                    ratios.append(best[0] / row[5]["ours"])
                    if ratios[-1] < 1:
                        lost.append("%s %s: %.2f of %s" % (row[1], row[2], ratios[-1], best[1]))
                if not ratios:
                    continue
                print("%s np %d n %d: best peer's time / ours: median %.1f, least %.2f; "
                      "ahead in %d of %d" % (op, np_, n, statistics.median(ratios), min(ratios),
                                             len(ratios) - len(lost), len(ratios)), file=out)
                for line in lost:
                    print("    behind: " + line, file=out)


def plot(results, rows, names):
    """ns a key over n, uniform doubles, argsort, the most threads."""
    np_ = max(row[4] for row in rows)
    data = os.path.join(results, "uniform.dat")
    points = sorted((row[3], row[5]) for row in rows
                    if row[:3] == ("argsort", "f8", "uniform") and row[4] == np_)
    if len(points) < 2 or not shutil.which("gnuplot"):
        return
    with open(data, "w") as f:
        for n, times in points:
            print(n, *["%.4g" % (times[x] * 1e6 / n) if x in times else "?" for x in names], file=f)
    lines = ", ".join("'%s' using 1:%d with linespoints title '%s'" % (data, i + 2,
                                                                     x.replace("_", " "))
                      for i, x in enumerate(names))
    for terminal, suffix in (("svg size 800,500", "svg"), ("pngcairo size 800,500", "png")):
        script = ("set terminal %s; set output '%s/uniform.%s'; set logscale xy; set grid; "
                  "set datafile missing '?'; set xlabel 'keys'; set ylabel 'ns a key'; "
                  "set title 'argsort of uniform doubles, %d threads'; set key outside; "
                  "plot %s" % (terminal, results, suffix, np_, lines))
        subprocess.run(["gnuplot", "-e", script], check=False)


def main():
    directory = sys.argv[1]
    results = sys.argv[2] if len(sys.argv) > 2 else directory
    os.makedirs(results, exist_ok=True)
    processes = start_all(directory)
    names = list(processes)
    rows = []
    with open(os.path.join(results, "sort.tsv"), "w", buffering=1) as tsv:
        print("op", "type", "shape", "n", "np", *[x + "_ms" for x in names], sep="\t", file=tsv)
        cells = [(op, type_, shape, int(n), int(np_)) for n in
                 choice("SORT_N", "1000 10000 100000 1000000 10000000 100000000")
                 for op in choice("SORT_OPS", "argsort sort sort_by") for type_ in
                 choice("SORT_TYPES", " ".join(TYPES)) for shape in choice("SORT_SHAPES", SHAPES)
                 for np_ in choice("SORT_NP", "1 2")]
        for cell in cells:
            times = measure(processes, *cell)
            if "ours" not in times or len(times) < 2:
                continue
            rows.append(cell + (times,))
            print(*cell, *["%.6f" % times[x] if x in times else "-" for x in names], sep="\t",
                  file=tsv)
    for process in processes.values():
        process.stdin.close()
        process.wait()
    with open(os.path.join(results, "summary.txt"), "w") as out:
        summary(rows, names, out)
    with open(os.path.join(results, "summary.txt")) as done:
        print(done.read(), end="")
    plot(results, rows, names)


main()
