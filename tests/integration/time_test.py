#!/usr/bin/env python3
"""What depends on dates, on the running server under libfaketime, across restarts.

  time_test.py KMSD
"""
import glob
import subprocess
import sys
import tempfile

from harness import SKIP, Client, Refused, Server, b64, eventually


def gone(client, key):
    try:
        client.describe(key)
        return False
    except Refused as e:
        return e.code == "KMS.0301"


def wrapped(public_key, material):
    with tempfile.NamedTemporaryFile() as key:
        key.write(public_key)
        key.flush()
        return subprocess.run(
            ["openssl", "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", key.name, "-pkeyopt",
             "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"],
            input=material, capture_output=True, check=True).stdout


def main():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        print("libfaketime is not installed")
        sys.exit(SKIP)
    with Server(sys.argv[1], faketime=found[0]) as server:
        server.start()
        client = Client(server)
        rotating = client.create_key(enableAutomaticRotation="true", rotationInterval="7d")
        paused = client.create_key(enableAutomaticRotation="true", rotationInterval="7d")
        doomed = client.create_key(aliasName="alias/doomed")
        saved = client.create_key()
        external = client.create_key(origin="EXTERNAL")
        first = client.describe(rotating)["primaryKeyVersion"]
        blob = client.call("/v1/keyCompute/encrypt", cmkUuid=rotating, plaintext=b64(b"old"))["ciphertextBlob"]
        client.call("/v1/cmkManage/disableKey", cmkUuid=paused)
        for key in (doomed, saved):
            client.call("/v1/cmkManage/scheduleKeyDeletion", cmkUuid=key, pendingWindowInDays="7")
        client.call("/v1/cmkManage/cancelKeyDeletion", cmkUuid=saved)
        parameters = client.call("/v1/importKey/getParametersForImport", cmkUuid=external,
                                 wrappingAlgorithm="RSAES_OAEP_SHA_256", wrappingKeySpec="RSA_2048")
        import base64
        material = wrapped(base64.b64decode(parameters["publicKey"]), b"\x07" * 32)
        give = dict(cmkUuid=external, importToken=parameters["importToken"], encryptedKeyMaterial=b64(material))
        client.call("/v1/importKey/importKeyMaterial", keyMaterialExpireUnix=str(int(server.now()) + 86400), **give)
        client.close()
        assert server.stop() == 0

        # Six days later nothing has rotated and nothing is deleted; the material has expired.
        server.start(days=6)
        client = Client(server)
        assert client.describe(rotating)["primaryKeyVersion"] == first
        assert client.describe(doomed)["status"] == 2
        assert client.describe(external)["status"] == 3
        try:
            client.call("/v1/importKey/importKeyMaterial", keyMaterialExpireUnix="0", **give)
            raise AssertionError("the token has expired")
        except Refused as e:
            assert e.code == "KMS.0401", e
        client.close()
        assert server.stop() == 0

        # Eight days later: rotated once; the paused key not; deletion waits for a steady clock.
        server.start(days=8)
        client = Client(server)
        eventually(lambda: client.describe(rotating)["primaryKeyVersion"] != first, 10)
        assert client.call("/v1/versionControl/listKeyVersions", cmkUuid=rotating)["totalCount"] == 2
        assert client.call("/v1/versionControl/listKeyVersions", cmkUuid=paused)["totalCount"] == 1
        assert client.describe(paused)["automaticRotation"] == 2
        assert client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"] == b64(b"old")
        assert client.describe(saved)["status"] == 1
        assert client.describe(doomed)["status"] == 2, "a minute of steady time comes first"
        server.stop(9)   # a crash in between loses nothing

        server.start(days=8)
        client = Client(server)
        assert client.call("/v1/versionControl/listKeyVersions", cmkUuid=rotating)["totalCount"] == 2
        client.call("/v1/cmkManage/enableKey", cmkUuid=paused)
        eventually(lambda: client.call("/v1/versionControl/listKeyVersions", cmkUuid=paused)["totalCount"] == 2, 10)
        eventually(lambda: gone(client, doomed), 90)
        assert gone(client, "alias/doomed")
        client.close()
        assert server.stop() == 0

        # Back on the true clock: what was done stays done.
        server.start()
        client = Client(server)
        assert gone(client, doomed)
        assert client.describe(rotating)["status"] == 1
        assert client.describe(external)["status"] == 3
        client.close()
        assert server.stop() == 0
        print("passed")


if __name__ == "__main__":
    main()
