#!/usr/bin/env python3
"""Server-side encryption (manual 4.7) by what encrypts disks, objects, files and databases in Debian: runs
examples/server-side-encryption against kmsd, and looks at what is on the disk afterwards.

  server_side_encryption_test.py KMSD KMSCTL [NAME]

MARIADB_PLUGINS names the folder of file_key_management.so, if it is not where Debian installs it.
"""
import base64
import concurrent.futures
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from harness import SKIP, Client, Refused, Server, Skipped, b64, check, run_checks

KMSD, KMSCTL = (os.path.abspath(path) for path in sys.argv[1:3])
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "server-side-encryption"
TEXT = b"top secret"
PATIENCE = 50


class World:
    """A kmsd, and a folder for an example."""

    def __init__(self, server, folder):
        self.server, self.folder, self.client = server, folder, Client(server)
        self.environment = {**os.environ, "KMSCTL": KMSCTL,
                            "KMS_CREDENTIALS": str(server.data / "root-credentials.json")}

    def run(self, name):
        """Runs an example; whatever it has started ends with it."""
        process = subprocess.Popen([EXAMPLES / name, self.folder], env=self.environment, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise AssertionError(f"{name} does not end:\n{output}") from None
        if process.returncode == SKIP:
            raise Skipped(output.strip())
        assert process.returncode == 0, f"{name} ended with {process.returncode}:\n{output}"
        return output

    def data_key(self, product, blob):
        """The plaintext of an encrypted data key, which is one under the default key of `product`."""
        opened = self.client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)
        key = self.client.describe(f"alias_{product}")
        assert key["isDefault"] == 1 and key["aliasName"] == f"alias_{product}"
        assert opened["cmkUuid"] == key["cmkUuid"]
        return base64.b64decode(opened["plaintext"])

    def assert_hidden(self, *secrets, below="."):
        """None of it is in a file, or in the name of one."""
        files = [path for path in (self.folder / below).rglob("*") if path.is_file()]
        assert files
        for path in files:
            content = str(path).encode() + path.read_bytes()
            for secret in secrets:
                assert secret not in content, path

    def assert_key_hidden(self, data_key):
        assert len(data_key) == 32
        self.assert_hidden(data_key, data_key.hex().encode(), data_key.hex().upper().encode(), b64(data_key).encode())


@contextlib.contextmanager
def world():
    with tempfile.TemporaryDirectory(prefix="kms-sse-") as folder, Server(KMSD) as server:
        server.start()
        yield World(server, pathlib.Path(folder))


@check
def disk():
    with world() as w:
        output = w.run("disk.sh")
        assert "opens the image" in output
        assert (w.folder / "disk.img").read_bytes().startswith(b"LUKS\xba\xbe")
        w.assert_key_hidden(w.data_key("evs", (w.folder / "disk.key").read_text().strip()))
        w.assert_hidden(TEXT)


@check
def objects():
    with world() as w:
        (w.folder / "objects").mkdir()
        for name, content in (("one", TEXT), ("two", TEXT), ("large", TEXT * 300_000)):
            (w.folder / "objects" / name).write_bytes(content)
        w.run("objects.sh")
        w.assert_hidden(TEXT, below="bucket")
        blobs = {}
        for path in (w.folder / "bucket").iterdir():
            sealed = path.read_bytes()
            assert sealed[:7] == b"KMSFILE"  # docs/file_format.md
            end = 28 + int.from_bytes(sealed[26:28], "big")
            blobs[path.name] = w.data_key("zos", b64(sealed[28:end]))
            w.assert_key_hidden(blobs[path.name])
        assert len(set(blobs.values())) == 3, "each object has a data key of its own"

        # What was put together from two objects does not open.
        one, two = ((w.folder / "bucket" / name).read_bytes() for name in ("one", "two"))
        (w.folder / "mixed").write_bytes(one[:-26] + two[-26:])
        refused = subprocess.run([KMSCTL, "decrypt-file", w.folder / "mixed", w.folder / "out"], env=w.environment,
                                 capture_output=True, timeout=PATIENCE)
        assert refused.returncode != 0 and not (w.folder / "out").exists()


@check
def files():
    with world() as w:
        output = w.run("files.sh")
        assert "opens the file system" in output
        w.assert_key_hidden(w.data_key("sfs", (w.folder / "files.key").read_text().strip()))
        w.assert_hidden(TEXT, b"orders", below="encrypted")
        encrypted = {path.name for path in (w.folder / "encrypted").iterdir()}
        written = encrypted - {"gocryptfs.conf", "gocryptfs.diriv"}
        assert len(written) == ("mounted" in output and "not mounted" not in output), encrypted


@check
def database():
    with world() as w:
        assert "after a restart" in w.run("database.sh")
        w.assert_key_hidden(w.data_key("rds", (w.folder / "database.key").read_text().strip()))
        w.assert_hidden(TEXT, below="database")
        # An encrypted page begins with the version of its key, one in clear with 0.
        pages = (w.folder / "database" / "shop" / "orders.ibd").read_bytes()
        rows = pages[3 * 16384:4 * 16384]
        assert rows[:4] == b"\0\0\0\1", rows[:64].hex()


@check
def many_first_requests_at_once_make_one_key():
    with world() as w:
        clients = [Client(w.server) for _ in range(8)]
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            made = list(pool.map(lambda c: c.call("/v1/keyCompute/generateDataKey", product="ecs"), clients))
        assert len({answer["cmkUuid"] for answer in made}) == 1
        assert len({answer["plaintext"] for answer in made}) == len(made)
        listed = w.client.call("/v1/keyManage/listKeys")
        assert [key["isDefault"] for key in listed["content"]] == [1]
        w.server.stop()
        trail = "".join(path.read_text() for path in sorted((w.server.data / "audit").glob("*")) if path.is_file())
        assert trail.count('"createDefaultKey"') == 1, trail
        w.client.close()
        w.server.start()
        again = w.client.call("/v1/keyCompute/generateDataKey", cmkUuid="alias/ecs")
        assert again["cmkUuid"] == made[0]["cmkUuid"]
        try:
            w.client.call("/v1/cmkManage/disableKey", cmkUuid="alias/ecs")
            raise AssertionError("a default key was disabled")
        except Refused as e:
            assert e.code == "KMS.0203"


run_checks()
