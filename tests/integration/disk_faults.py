"""A folder on a disk that fails as it is told: what tests/disk_faults does, from Python."""
import fcntl
import os
import pathlib
import signal
import tempfile


class FaultyFolder:
    """An empty folder, and the rules for the processes that are started with `environment`."""

    def __init__(self, library, memory=pathlib.Path("/dev/shm")):
        # Nothing is synced in truth, so that memory does as well, and is faster.
        parent = memory if os.access(memory, os.W_OK) else None
        self.library = pathlib.Path(library).resolve()
        self.outside = tempfile.TemporaryDirectory(prefix="kms-faults-", dir=parent)
        self.root = pathlib.Path(self.outside.name).resolve()
        self.folder = self.root / "disk"
        self.folder.mkdir()
        self.rules = self.root / "rules"
        self.log_file = self.root / "rules.log"

    @property
    def environment(self):
        return {"LD_PRELOAD": str(self.library), "KMS_DISK_FAULTS_FOLDER": str(self.folder),
                "KMS_DISK_FAULTS": str(self.rules)}

    def tell(self, seed, rules):
        """Has these rules count from now on. The log begins anew."""
        self.log_file.unlink(missing_ok=True)
        fresh = self.root / "rules.new"
        fresh.write_text("\n".join([f"seed {seed}", *rules]) + "\n")
        fresh.rename(self.rules)

    def happened(self):
        """What has happened since, after the process is gone: a failure of power has its effect later than that."""
        with open(self.root / "rules.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        return self.log_file.read_text().splitlines() if self.log_file.exists() else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.outside.cleanup()


def end_of(rng, after, most):
    """A rule that ends the process at some call after `after`."""
    action = rng.choice(["kill", "cut", "cut", "tear", "tear"])
    return f"{action} any * {after + rng.randrange(1, most)}"


def bad_disk(rng, most, names=("*",)):
    """Rules of one round: something fails at one of the next calls, or only the power does."""
    first = rng.randrange(1, most)
    last = rng.choice([first, first + rng.randrange(1, 12)])
    name = rng.choice(names)
    fault = rng.choice(["none", "none", "enospc", "full", "short", "eio", "lose"])
    if fault == "none":
        return [end_of(rng, 0, most)]
    if fault == "lose":
        rules = [f"lose sync {name} {max(1, first // 3)}"]
    else:
        rules = [f"{fault} write {name} {first} {last}"]
    return rules + [end_of(rng, first, most)]


def killed(code):
    return code == -signal.SIGKILL
