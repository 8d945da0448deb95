"""The commands of kmsctl that work on files, for the tests of several of them. Both programs are arguments of the test."""
import os
import resource
import signal
import subprocess
import sys

KMSD, KMSCTL = sys.argv[1], sys.argv[2]
PASS_PHRASE = "nine and twenty bears went round"


def kmsctl(*arguments, expect=0, output=False, **how):
    done = subprocess.run([KMSCTL, *map(str, arguments)], capture_output=True, text=True, timeout=60, **how)
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if output else done.stderr


def pass_phrase_in(folder, text=PASS_PHRASE, name="pass-phrase"):
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


def backup(server, file, expect=0, **how):
    return kmsctl("backup", file, "--data", server.data, "--pass-phrase-file", pass_phrase_in(server.folder),
                  expect=expect, **how)


def restore(server, file, place, expect=0, pass_phrase=None):
    return kmsctl("restore", file, "--to", place, "--pass-phrase-file",
                  pass_phrase or pass_phrase_in(server.folder), expect=expect)


def small_disk(most):
    """For preexec_fn: files may not grow beyond so many bytes."""
    def limit():
        # TSan writes a file before main, which then has the signal ignored.
        if "TSAN_OPTIONS" in os.environ:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    return limit
