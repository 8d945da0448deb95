#!/usr/bin/env python3
"""How kmsd ends with a token: orderly under load, and killed while it makes a token or a root key.

  hsm_end_test.py KMSD KMSCTL [NAME]
"""
import http.client
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

from harness import Client, Server, b64, check, run_checks
from hsm_harness import Keys, decrypt, encrypt, is_ready, need_token, objects, readiness, timed, version

KMSD, KMSCTL = sys.argv[1], sys.argv[2]


def seeded():
    seed = random.randrange(1 << 32)
    print("seed", seed, flush=True)
    return random.Random(seed)


@check
def a_killed_first_start_is_finished():
    rng = seeded()
    for _ in range(12):
        with Server(KMSD) as server:
            for _ in range(5):
                server.start_and_kill(rng.uniform(0.0, 0.35))
            server.start()
            assert is_ready(server), readiness(server)
            keys = Keys(server)
            server.stop(signal.SIGKILL)
            server.start()
            keys.check()


@check
def it_stops_orderly_under_load():
    rng = seeded()
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        key = client.create_key(protectionLevel="0", keySpec="RSA_2048", keyUsage="2")
        which = dict(cmkUuid=key, keyVersionId=version(client, key), algorithm="RSA_PKCS1_SHA_256", digest=b64(b"\5" * 32))
        # This padding has one signature for a digest.
        signature = client.call("/v1/asymmetric/asymmetricSign", **which)["value"]
        blobs = {}
        for spec in ("AES_256", "Ctyun_SM4"):
            sealing = client.create_key(protectionLevel="0", keySpec=spec)
            blobs[sealing] = encrypt(client, sealing)
        client.close()

        def signs(client):
            assert client.call("/v1/asymmetric/asymmetricSign", **which)["value"] == signature

        def decrypts(client):
            for sealing, blob in blobs.items():
                assert decrypt(client, blob) == sealing.encode()

        for _ in range(10):
            if server.process.poll() is not None:
                server.start()
            stopping, enough, answers, trouble = threading.Event(), threading.Event(), [], []
            wanted = rng.randrange(1, 300)

            def use(work):
                client = Client(server)
                try:
                    while True:
                        work(client)
                        answers.append(1)
                        if len(answers) >= wanted:
                            enough.set()
                except (OSError, http.client.HTTPException) as e:
                    if not stopping.is_set():
                        trouble.append(e)
                except Exception as e:  # noqa: BLE001 - reported below
                    trouble.append(e)
                finally:
                    enough.set()
                    client.close()

            threads = [threading.Thread(target=use, args=(work,)) for work in (signs, decrypts) * 3]
            for thread in threads:
                thread.start()
            assert enough.wait(60)
            stopping.set()
            assert server.stop() == 0, server.log
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive()
            assert not trouble and len(answers) >= wanted, trouble[:1]


def files_in_token(server):
    return {path.name for path in pathlib.Path(server.data, "hsm/tokens").glob("*/*.object")}


@check
def a_killed_making_of_a_root_key_is_finished():
    rng = seeded()
    command = lambda server: [KMSD, "--new-hsm-root", "--data", server.data]
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        assert server.stop() == 0
        done, usual = timed(lambda: subprocess.run(command(server), capture_output=True, timeout=60).returncode)
        assert done == 0
        killed = 0
        for amid_generation in [False] * 5 + [True] * 7:
            before = files_in_token(server)
            process = subprocess.Popen(command(server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if amid_generation:  # which is short: from the first file on
                while process.poll() is None and files_in_token(server) == before:
                    pass
            try:
                process.wait(rng.uniform(0, 0.003 if amid_generation else usual))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)
                killed += 1
            server.start()
            keys.check()
            new = Client(server).create_key(protectionLevel="0")
            inspected = subprocess.run([KMSCTL, "key", "inspect", new, "--data", server.data], capture_output=True, text=True,
                                       timeout=60, check=True).stdout
            newest = int(re.search(r"HSM root key (\d+)", inspected)[1])
            assert len(objects(server)) == newest, (newest, objects(server))
            assert server.stop() == 0
        assert killed


if __name__ == "__main__":
    need_token()
    run_checks()
