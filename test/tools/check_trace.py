#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks a trace: check_trace.py FILE [--open N]. Its slices nest and do not
overlap, every arrow leads from a slice to the beginning of another, every track
has a name. --open: as many slices may be left open, as in a program that ended
in the middle. Prints, for FileCheck, what each track did, sorted by name, with
the tracks' numbers left out."""

import argparse
import collections
import json
import re

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--open", type=int, default=0)
options = parser.parse_args()

with open(options.file, encoding="utf-8") as file:
    events = json.load(file)

tracks = {}  # (pid, tid): name
processes = {}
stacks = collections.defaultdict(list)  # of begin times
slices = collections.defaultdict(list)  # (begin, end, name, category)
arrows = collections.defaultdict(dict)  # id: {ph: event}
steps = collections.defaultdict(list)  # what is printed


def fail(message, event):
    raise SystemExit(f"{options.file}: {message}: {event}")


for event in events:
    track = (event["pid"], event.get("tid"))
    kind = event["ph"]
    if kind == "M":
        if event["name"] == "thread_name":
            tracks[track] = event["args"]["name"]
        elif event["name"] == "process_name":
            processes[event["pid"]] = event["args"]["name"]
    elif kind == "B":
        stacks[track].append(event)
        if len(stacks[track]) > 1:
            fail("a slice within a slice", event)
    elif kind == "E":
        begin = stacks[track].pop()
        if event["ts"] < begin["ts"]:
            fail("a slice ends before it begins", event)
        slices[track].append((begin["ts"], event["ts"], begin["name"],
                              begin["cat"]))
        then = event.get("args", {}).get("then", "")
        steps[track].append(f"{begin['name']} -> {then}")
    elif kind == "X":
        slices[track].append((event["ts"], event["ts"] + event["dur"],
                              event["name"], event["cat"]))
    elif kind in "sf":
        if kind in arrows[event["id"]]:
            fail("an arrow's end twice", event)
        arrows[event["id"]][kind] = event
    else:
        fail("an unknown kind of event", event)

left = [begin for stack in stacks.values() for begin in stack]
if len(left) > options.open:
    fail("slices are left open", left)
for begin in left:
    slices[(begin["pid"], begin["tid"])].append(
        (begin["ts"], float("inf"), begin["name"], begin["cat"]))

for track, own in slices.items():
    if track not in tracks:
        fail("a track without a name", own[0])
    if track[0] not in processes:
        fail("a loop without a name", own[0])
    own.sort()
    for before, after in zip(own, own[1:]):
        if before[1] > after[0] + 0.0015:  # sums of rounded microseconds
            fail("slices overlap", (before, after))

whole = 0
for ends in arrows.values():
    source = ends.get("s") or fail("an arrow from nowhere", ends)
    if not any(begin <= source["ts"] <= end for begin, end, _, _ in
               slices[(source["pid"], source["tid"])]):
        fail("an arrow that begins in no slice", source)
    target = ends.get("f")
    if not target:
        if not options.open:
            fail("an arrow to nowhere", ends)
        continue
    if target["ts"] < source["ts"]:
        fail("an arrow into the past", ends)
    if not any(begin == target["ts"] and category == "run"
               for begin, _, _, category in
               slices[(target["pid"], target["tid"])]):
        fail("an arrow that ends in no step", target)
    whole += 1

number = re.compile(r" \d+(?=\)?$)")
for name, track in sorted((number.sub("", name), track)
                          for track, name in tracks.items()):
    waits = sorted({text for _, _, text, category in slices[track]
                    if category == "wait"})
    print(f"{name}: {'; '.join(steps[track]) if track in steps else '-'}"
          f" [{', '.join(waits)}]"
          if name != "the loop itself" else name)
print("loops:", len(processes))
print("arrows:", "yes" if whole else "none")
