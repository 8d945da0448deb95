#!/usr/bin/env python3
"""kmsd on a disk that fails: short writes, no space, lost syncs, failures of power, at any call.

  server_crash_test.py KMSD KMSCTL DISK_FAULTS [--rounds N] [--seed N]

Each round starts kmsd on such a disk, changes things until it is killed, ends by itself or refuses, and then starts it
on a disk that is well: without help it is there with all that was answered, its audit trail is whole, and its store has
no finding. A round is of its own seed, on a folder of its own for some rounds; `--seed` repeats them.
"""
import argparse
import collections
import http.client
import random
import signal
import subprocess
import time

from crash_test import SOFTWARE, Worker, everything_listed_is_whole, store_has_no_finding
from disk_faults import FaultyFolder, bad_disk
from harness import Client, Refused, Server

ROUNDS_PER_FOLDER = 5
WORKERS = 3


class PatientWorker(Worker):
    """Stops at the first change that a disk does not take: whether it is there, is open."""

    def step(self):
        try:
            super().step()
        except Refused as e:
            assert (e.status, e.code) == (503, "KMS.0925"), e
            self.refused = True
            raise ConnectionAbortedError from e

    refused = False


def listens(server):
    """Whether it comes to listen; it may be killed before, or end."""
    try:
        server.start()
    except RuntimeError:
        return False
    return True


def play(kmsctl, server, disk, rng, workers, counts):
    at_start = rng.random() < 0.3
    # A start makes a hundred calls or so, and then each change a few.
    rules = bad_disk(rng, 150 if at_start else 600)
    disk.tell(rng.randrange(1 << 60), rules)
    server.environment = disk.environment
    fresh = []
    if listens(server):
        try:
            fresh = [PatientWorker(server, rng.random(), SOFTWARE) for _ in range(WORKERS)]
        except (OSError, ValueError):
            pass              # its credentials could not be written, or not wholly
        for worker in fresh:
            worker.start()
        end = time.monotonic() + 1.5
        while server.process.poll() is None and time.monotonic() < end and any(w.is_alive() for w in fresh):
            time.sleep(0.01)
    if server.process.poll() is None:
        server.stop(signal.SIGKILL)
        counts["killed by the test"] += 1
    elif server.process.returncode == -signal.SIGKILL:
        counts["killed by the disk"] += 1
    else:
        assert server.process.returncode > 0, (server.process.returncode, server.log[-2000:])
        counts["ended by itself"] += 1
    log = disk.happened()
    counts.update(line.split()[0] for line in log)
    for worker in fresh:
        worker.join(60)
        assert not worker.is_alive()
        if worker.trouble and not isinstance(worker.trouble, http.client.HTTPException):
            raise worker.trouble
        counts["answered"] += worker.count
        counts["refused"] += worker.refused
    workers += fresh

    server.environment = {}
    server.start()
    client = Client(server)
    for worker in workers:
        worker.check(client)
    everything_listed_is_whole(client)
    client.close()
    assert server.stop() == 0, server.log[-2000:]
    store_has_no_finding(kmsctl, server)
    # Where the disk has lost or torn what it had taken of the trail itself, that is told, and may be for ever.
    server.trail_was_hurt |= any(line.split()[0] in ("lose", "eio", "tear") for line in log)
    done = subprocess.run([kmsctl, "audit", "verify", "--data", server.data], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 or server.trail_was_hurt and "jsonl:" in done.stderr, (done.stdout, done.stderr, rules, log)
    counts["trail not sound"] += done.returncode != 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kmsd")
    parser.add_argument("kmsctl")
    parser.add_argument("library")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    print("seed", options.seed, flush=True)
    counts = collections.Counter()
    for first in range(0, options.rounds, ROUNDS_PER_FOLDER):
        with FaultyFolder(options.library) as disk, Server(options.kmsd, options=["--hsm", "none"]) as server:
            server.data = disk.folder / "data"
            server.trail_was_hurt = False
            workers = []
            for number in range(first, min(first + ROUNDS_PER_FOLDER, options.rounds)):
                try:
                    play(options.kmsctl, server, disk, random.Random(f"{options.seed}/{number}"), workers, counts)
                except BaseException:
                    print(f"round {number}, --seed {options.seed}; {server.log[-3000:]}", flush=True)
                    raise
    print(f"{options.rounds} rounds: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))


if __name__ == "__main__":
    main()
