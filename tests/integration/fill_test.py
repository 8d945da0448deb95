#!/usr/bin/env python3
"""The loader: what it makes is served, with as many versions, and encrypts.

  fill_test.py KMSD FILL
"""
import subprocess
import sys

from harness import Client, Server, b64

KMSD, FILL = sys.argv[1:]
KEYS, VERSIONS = 25, 3


def fill(data, code=0):
    done = subprocess.run([FILL, data, "--keys", str(KEYS), "--versions", str(VERSIONS), "--threads", "4"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


with Server(KMSD, options=["--hsm", "none"]) as server:
    server.start()
    assert "kmsd is running" in fill(server.data, code=1).stderr
    server.stop()
    assert fill(server.data).stdout.startswith(f"{KEYS} keys, {KEYS * VERSIONS} versions in ")
    server.start()
    client = Client(server)
    listed = client.call("/v1/keyManage/listKeys", pageNumber=0, pageSize=100)
    assert listed["totalCount"] == KEYS, listed
    key = listed["content"][0]["cmkUuid"]
    versions = client.call("/v1/versionControl/listKeyVersions", cmkUuid=key, pageNumber=0, pageSize=100)
    assert versions["totalCount"] == VERSIONS, versions
    blob = client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(b"text"))["ciphertextBlob"]
    assert client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"] == b64(b"text")
