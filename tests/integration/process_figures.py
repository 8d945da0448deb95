"""What a process of kmsd takes: memory, descriptors, threads, processor time, and the pages of its store."""
import os
import struct

PAGE = 4096
META = struct.Struct("<IIQQ48s48sQQ")      # magic, version, address, map size, two databases, last page, transaction
DATABASE = struct.Struct("<IHHQQQQQ")      # pad, flags, depth, branch, leaf and overflow pages, entries, root
HEAD = 16                                  # bytes of a page before its content
MAGIC = 0xBEEFC0DE


def status(pid, name):
    """A number of /proc/PID/status; sizes are in KiB."""
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise KeyError(name)


def rss_kib(pid):
    return status(pid, "VmRSS")


def threads(pid):
    return status(pid, "Threads")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def folder_kib(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) // 1024


class Store:
    """What a store's data.mdb holds, read from the file while kmsd writes to it."""

    def __init__(self, path):
        self.path = path

    def _newest(self, f):
        metas = []
        for page in (0, 1):
            f.seek(page * PAGE + HEAD)
            meta = META.unpack(f.read(META.size))
            assert meta[0] == MAGIC and meta[1] == 1, "not a store of LMDB"
            metas.append(meta)
        return max(metas, key=lambda m: m[7])

    def _records(self, f, main_root):
        f.seek(main_root * PAGE)
        page = f.read(PAGE)
        lower = struct.unpack_from("<H", page, 12)[0]
        for at in struct.unpack_from(f"<{(lower - HEAD) // 2}H", page, HEAD):
            _, _, _, key_size = struct.unpack_from("<4H", page, at)
            if page[at + 8:at + 8 + key_size] == b"records":
                return DATABASE.unpack_from(page, at + 8 + key_size)
        raise KeyError("records")

    def figures(self):
        """(KiB of the file, pages that were ever used, pages in use, records). Pages are never overwritten while the
        transaction that they belong to is the newest or the one before, so that a snapshot that was overtaken twice
        while it was read is read anew."""
        while True:
            with open(self.path, "rb") as f:
                meta = self._newest(f)
                _, _, _, branch, leaf, overflow, entries, _ = self._records(f, DATABASE.unpack(meta[5])[7])
                if self._newest(f)[7] <= meta[7] + 1:
                    return os.path.getsize(self.path) // 1024, meta[6] + 1, branch + leaf + overflow, entries
