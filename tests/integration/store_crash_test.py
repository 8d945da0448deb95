#!/usr/bin/env python3
"""The store alone on a disk that fails: short writes, no space, lost syncs, failures of power, at any call.

  store_crash_test.py STORE_HELPER DISK_FAULTS [--rounds N] [--seed N] [--from ROUND]

Each round is a process that changes records on four threads until it is killed, or ends because its store takes
no more. Then each change that it has told of is there, one more of each thread at the most, all records are what
these changes make, and the store takes further ones. A round is of its own seed: `--seed` and `--from` repeat it,
with the rounds before it on the same folder.
"""
import argparse
import collections
import itertools
import os
import random
import subprocess
import sys

from disk_faults import FaultyFolder, bad_disk, end_of, killed

THREADS = 4
ROUNDS_PER_FOLDER = 10


def acknowledged(output):
    """The last step of each thread that was told of, and how many were refused."""
    last, refused, failed = {}, 0, False
    for line in output.splitlines():
        words = line.split()
        if words == ["failed"]:
            failed = True
        elif words[0] == "refused":
            refused += 1
        elif len(words) == 2:
            last[int(words[0])] = int(words[1])
    return last, refused, failed


def churn(helper, disk, until_killed):
    process = subprocess.Popen([helper, "churn", str(disk.folder), str(THREADS)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, **disk.environment})
    try:
        output, errors = process.communicate(timeout=until_killed)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
    return process.returncode, output.rpartition("\n")[0], errors


def play(helper, disk, rng, done, counts, rules=None):
    """One round. `done` is what each thread has done before, and is afterwards."""
    # The making of a store is a few calls only.
    calls = rng.choice([30, 120, 400]) if any(disk.folder.iterdir()) else 16
    rules = rules or bad_disk(rng, calls, ("*", ".mdb"))
    disk.tell(rng.randrange(1 << 60), rules)
    code, output, errors = churn(helper, disk, rng.choice([5, 5, 5, rng.uniform(0, 0.03)]))
    log = disk.happened()
    told, refused, failed = acknowledged(output)
    counts.update(line.split()[0] for line in log)
    counts.update({"steps": sum(told.get(t, done[t]) - done[t] for t in done), "refused": refused,
                   "ended by itself": code == 3})
    state = (rules, log, code, errors)
    assert killed(code) or code == 3 or code == 1 and errors and not output, state
    if code == 1:
        # It could not be opened, or made: never is it taken for something else.
        assert any(line.split()[0] in ("enospc", "full", "short", "eio", "lose") for line in log), state
        counts["not opened"] += 1
    if failed:
        assert any(line.split()[0] in ("short", "eio", "lose", "enospc", "full") for line in log), state
    checked = subprocess.run([helper, "verify", str(disk.folder), str(THREADS)], capture_output=True, text=True)
    assert checked.returncode == 0, (checked.stdout, checked.stderr, state)
    found = {int(t): int(n) for t, n in (line.split() for line in checked.stdout.splitlines())}
    for thread in range(THREADS):
        known = told.get(thread, done[thread])
        assert known <= found[thread] <= known + 1, (thread, known, found[thread], state)
    done.update(found)


def every_call(options, counts):
    """Each of the first calls fails in each way: of the making of a store, and of changes to one."""
    faults = ["tear any", "kill any", "enospc write", "full write", "short write", "eio write", "lose sync", "enospc name"]
    for making, fault, number in itertools.product([True, False], faults, range(1, 15)):
        if not making and fault == "enospc name":
            continue
        rng = random.Random(f"{options.seed}/{making}/{fault}/{number}")
        rules = [f"{fault} * {number}", end_of(rng, number, 12)]
        with FaultyFolder(options.library) as disk:
            done = dict.fromkeys(range(THREADS), 0)
            try:
                if not making:
                    play(options.helper, disk, rng, done, counts, ["kill any * 40"])
                play(options.helper, disk, rng, done, counts, rules)
            except Exception:
                print(f"in the round of {rules}, --seed {options.seed}", file=sys.stderr)
                raise


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("helper")
    parser.add_argument("library")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--from", type=int, default=0, dest="first")
    options = parser.parse_args()
    print("seed", options.seed, flush=True)
    counts = collections.Counter()
    if options.first == 0:
        every_call(options, counts)
    number = options.first - options.first % ROUNDS_PER_FOLDER
    while number < options.first + options.rounds:
        with FaultyFolder(options.library) as disk:
            done = dict.fromkeys(range(THREADS), 0)
            for number in range(number, number + ROUNDS_PER_FOLDER):
                try:
                    play(options.helper, disk, random.Random(f"{options.seed}/{number}"), done, counts)
                except Exception:
                    print(f"round {number}: --seed {options.seed} --from {number}", file=sys.stderr)
                    raise
            number += 1
    print(f"{options.rounds} rounds beside those of every call: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
