"""A stranger's request about somebody else's key takes the same path as one about a key
that never was: the instructions of both, counted by callgrind, differ by less than 1 %.

  stranger_path_test.py VALGRIND PROGRAM
"""
import collections
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

LIMIT = 0.01


def count(valgrind, program):
    """The median count of each label's requests."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "counts"
        subprocess.run(
            [valgrind, "--tool=callgrind", "--instr-atstart=no", "--combine-dumps=yes",
             "--dump-line=no", f"--callgrind-out-file={out}", program],
            check=True, stderr=subprocess.DEVNULL)
        counts = collections.defaultdict(list)
        label = None
        for line in out.read_text(errors="replace").splitlines():
            if found := re.match(r"desc: Trigger: Client Request: (.*)", line):
                label = found[1]
            elif label and (found := re.match(r"summary: (\d+)", line)):
                counts[label].append(int(found[1]))
                label = None
    return {name: statistics.median(values) for name, values in counts.items()}


def main():
    counts = count(*sys.argv[1:])
    names = sorted({name.rsplit(" ", 1)[0] for name in counts})
    failed = []
    for name in names:
        there, absent = counts[f"{name} there"], counts[f"{name} absent"]
        differs = abs(there - absent) / min(there, absent)
        print(f"{name}: {there} there, {absent} absent, {differs:.2%}")
        if (differs >= LIMIT) != (name == "control"):
            failed.append(name)
    print(f"{len(names) - 1} operations")
    if failed or len(names) < 30:
        sys.exit(f"failed: {failed}")


main()
