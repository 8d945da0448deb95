"""kmsctl backup and restore, as an operator uses them: beside a server under load, and after it is lost."""
import os
import shutil
import signal
import subprocess
import threading
import time

from harness import Client, Server, b64, check, run_checks
from offline import KMSCTL, KMSD, backup, kmsctl, pass_phrase_in, restore, small_disk

@check
def a_restored_store_decrypts_what_the_lost_one_encrypted():
    with Server(KMSD, options=("--hsm", "none")) as server:
        server.start()
        client = Client(server)
        key = client.create_key()
        sealed = client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(b"before"))["ciphertextBlob"]
        stop = threading.Event()
        made = []

        def load():
            mine = Client(server)
            while not stop.is_set():
                made.append(mine.create_key())
            mine.close()

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(made) < 5:
            time.sleep(0.01)
        known = list(made)
        file = server.folder / "backup"
        backup(server, file)
        stop.set()
        for thread in threads:
            thread.join()
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"createKey" not in file.read_bytes() and key.encode() not in file.read_bytes()
        server.stop()
        client.close()

        # The disk is lost; the root key comes from where it was backed up apart.
        credentials = (server.data / "root-credentials.json").read_bytes()
        shutil.move(server.data / "root-key", server.folder / "root-key")
        shutil.rmtree(server.data)
        restore(server, file, server.data)
        assert sorted(os.listdir(server.data)) == ["store"]
        shutil.move(server.folder / "root-key", server.data / "root-key")
        (server.data / "root-credentials.json").write_bytes(credentials)
        server.start()
        client = Client(server)
        opened = client.call("/v1/keyCompute/decrypt", ciphertextBlob=sealed)["plaintext"]
        assert opened == b64(b"before"), opened
        for each in known:  # all that was answered before the backup began
            client.describe(each)
        client.create_key()
        client.close()
        server.stop()
        kmsctl("audit", "verify", "--data", server.data)


@check
def what_is_not_a_whole_backup_leaves_nothing():
    with Server(KMSD, options=("--hsm", "none")) as server:
        server.start()
        server.stop()
        file = server.folder / "backup"
        backup(server, file)
        whole = file.read_bytes()
        place = server.folder / "place"
        bad = server.folder / "bad"
        flipped = bytearray(whole)
        flipped[-100] ^= 1
        for content in (whole[:-1], whole[: len(whole) // 2], whole[:20], b"", bytes(flipped), b"x" * 1000):
            bad.write_bytes(content)
            told = restore(server, bad, place, expect=1)
            assert "not a backup, or it was changed or cut" in told, told
        other = pass_phrase_in(server.folder, "another pass phrase", "other")
        restore(server, file, place, expect=1, pass_phrase=other)
        assert sorted(each.name for each in server.folder.iterdir() if each.name.startswith("place")) == []
        (place / "something").mkdir(parents=True)
        assert "not an empty folder" in restore(server, file, place, expect=1)
        assert os.listdir(place) == ["something"]
        shutil.rmtree(place)
        place.mkdir()
        restore(server, file, place)
        assert os.listdir(place) == ["store"]
        # A pass phrase that others may read is none.
        (server.folder / "pass-phrase").chmod(0o644)
        kmsctl("backup", server.folder / "second", "--data", server.data, "--pass-phrase-file",
               server.folder / "pass-phrase", expect=2)


@check
def an_interrupted_backup_takes_no_name():
    with Server(KMSD, options=("--hsm", "none")) as server:
        server.start()
        file = server.folder / "backup"
        secret = pass_phrase_in(server.folder)
        for after in (0.0, 0.05, 0.1, 0.2):
            process = subprocess.Popen(
                [KMSCTL, "backup", file, "--data", server.data, "--pass-phrase-file", secret],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(after)
            process.kill()
            ended = process.wait(30)
            if file.exists():  # it was complete before the signal came
                restore(server, file, server.folder / "whole")
                shutil.rmtree(server.folder / "whole")
                file.unlink()
            else:
                assert ended == -signal.SIGKILL, ended

        for left in server.folder.glob("backup*"):
            left.unlink()
        backup(server, file, expect=1, preexec_fn=small_disk(512))
        assert list(server.folder.glob("backup*")) == []
        backup(server, file)
        assert "--force" in backup(server, file, expect=1)
        server.stop()


run_checks()
