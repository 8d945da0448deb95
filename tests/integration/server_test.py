#!/usr/bin/env python3
"""kmsd and kmsctl as an operator meets them.

  server_test.py KMSD KMSCTL [NAME]
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid

from harness import Client, Refused, Server, b64, check, free_port, run_checks

KMSD, KMSCTL = sys.argv[1], sys.argv[2]


def run(*command, data=None, env=None):
    return subprocess.run([str(c) for c in command], input=data, capture_output=True, env=env, timeout=60)


def kmsctl(server, *arguments, data=None, code=0):
    """Runs kmsctl with the server's credentials; its standard output."""
    env = {**os.environ, "KMS_CREDENTIALS": str(server.data / "root-credentials.json")}
    done = run(KMSCTL, *arguments, data=data, env=env)
    assert done.returncode == code, (arguments, done.returncode, done.stdout[-500:], done.stderr[-500:])
    return done.stdout if code == 0 else done.stderr


@check
def everything_under_data_is_private():
    with Server(KMSD) as server:
        server.start()
        for path in [server.data, *server.data.rglob("*")]:
            mode = path.stat().st_mode & 0o777
            assert mode & 0o077 == 0, (path, oct(mode))
        names = {p.name for p in server.data.iterdir()}
        assert {"store", "root-key", "root-credentials.json", "audit", "kmsd.lock"} <= names, names
        limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], core
        assert server.stop() == 0


@check
def tls_is_on_by_default_and_its_certificate_verifies():
    with Server(KMSD, tls=True) as server:
        server.start()
        assert server.credentials["endpoint"] == f"https://127.0.0.1:{server.port}"
        client = Client(server)
        client.create_key()
        client.close()
        kmsctl(server, "health")
        kmsctl(server, "key", "create", "--alias", "alias/a")
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            # More than is read of what is no TLS; the end is no reset all the same.
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"More: of it\r\n" * 4000 + b"\r\n")
            plain.shutdown(socket.SHUT_WR)
            answer = plain.recv(100)
            assert not answer.startswith(b"HTTP/") and plain.recv(100) == b"", answer
        assert server.stop() == 0


@check
def it_stops_orderly_whenever_it_is_told():
    with Server(KMSD) as server:
        for pause in (0.0, 0.0, 0.0, 0.002, 0.01, 0.05):
            server.start()
            time.sleep(pause)
            assert server.stop() == 0, pause


@check
def a_second_kmsd_on_the_same_data_refuses_to_start():
    with Server(KMSD) as server:
        server.start()
        done = run(KMSD, "--data", server.data, "--listen", f"127.0.0.1:{free_port()}", "--http")
        assert done.returncode != 0 and b"another kmsd" in done.stderr, done
        Client(server).create_key()
        assert server.stop() == 0


@check
def bad_configuration_is_told():
    bad = [["--listen", "nowhere"], ["--listen", "0.0.0.0:1", "--http"], ["--eop-time", "moon"], ["--tls-key", "x"],
           ["--date-offset", "8"], ["--eop-window-minutes", "0"], ["--no-such-option"],
           ["--all-bodies-megabytes", "1", "--max-body-bytes", "2000000"]]
    for options in bad:
        done = run(KMSD, "--check-config", "--data", "/nonexistent", *options)
        assert done.returncode != 0 and done.stderr + done.stdout, (options, done)
    with Server(KMSD) as server:
        file = server.folder / "kmsd.conf"
        file.write_text(f'data = "{server.data}"\nlisten = "127.0.0.1:{server.port}"\nhttp = true\n'
                        'regions = ["here", "there"]\ndate-offset = "+08:00"\n')
        assert run(KMSD, "--check-config", "--config", file).returncode == 0
        assert not server.data.exists(), "a check makes nothing"
        file.write_text(file.read_text() + "no-such-option = 1\n")
        assert run(KMSD, "--check-config", "--config", file).returncode != 0


@check
def regions_are_apart():
    with Server(KMSD, options=["--regions", "here,there"]) as server:
        server.start()
        client = Client(server)
        assert server.credentials["regionId"] == "here"
        key = client.create_key(aliasName="alias/a")
        body = json.dumps({"cmkUuid": key}).encode()
        headers = {**client.headers(body), "regionId": "there"}
        status, raw = client.raw("POST", "/v1/keyManage/describeKey", headers, body)
        assert status == 404 and json.loads(raw)["errorCode"] == "KMS.0301", raw
        headers = {**client.headers(body), "regionId": "elsewhere"}
        status, raw = client.raw("POST", "/v1/keyManage/describeKey", headers, body)
        assert status == 400 and json.loads(raw)["errorCode"] == "KMS.0921", raw
        headers = client.headers(body)
        del headers["regionId"]
        status, raw = client.raw("POST", "/v1/keyManage/describeKey", headers, body)
        assert status == 400 and json.loads(raw)["errorCode"] == "KMS.0115", raw


@check
def the_operators_listener_takes_the_pages():
    port = free_port()
    with Server(KMSD, options=["--operator-listen", f"127.0.0.1:{port}"]) as server:
        server.start()
        client = Client(server)
        assert client.raw("GET", "/healthz", {})[0] == 200
        for page in ("/readyz", "/metrics", "/openapi.json"):
            assert client.raw("GET", page, {})[0] != 200, page
        public, server.port = server.port, port
        operator = Client(server)
        for page in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
            assert operator.raw("GET", page, {})[0] == 200, page
        server.port = public


@check
def metrics_count_what_happens():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        key = client.create_key()
        for _ in range(3):
            client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext="aGk=")
        text = client.raw("GET", "/metrics", {})[1].decode()
        line = [l for l in text.splitlines() if "encrypt" in l and "ok" in l and not l.startswith("#")]
        assert any(l.split()[-1] in ("3", "3.0") for l in line), line


@check
def a_store_without_its_root_key_is_never_initialised_over():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        key = client.create_key()
        client.close()
        assert server.stop() == 0
        before = server.credentials
        parts = server.data / "root-key"
        aside = server.folder / "aside"
        shutil.move(parts, aside)
        assert server.start(expect_exit=True) not in (0, None)
        assert "root key" in server.log and server.credentials == before
        shutil.rmtree(parts)
        shutil.move(aside, parts)
        # One part alone is missing, or of another root key.
        wrap = next((parts / "wrap").iterdir())
        good = wrap.read_bytes()
        wrap.rename(server.folder / "wrap")
        assert server.start(expect_exit=True) not in (0, None)
        (server.folder / "wrap").rename(wrap)
        wrap.write_bytes(bytes([good[-1] ^ 1]) + good[1:])
        assert server.start(expect_exit=True) not in (0, None)
        wrap.write_bytes(good)
        os.chmod(wrap, 0o644)
        assert server.start(expect_exit=True) not in (0, None), "readable by others"
        os.chmod(wrap, 0o600)
        server.start()
        assert Client(server).describe(key)["status"] == 1


@check
def the_root_key_can_be_wrapped_anew():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        key = client.create_key()
        blob = client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext="aGk=")["ciphertextBlob"]
        client.close()
        assert run(KMSD, "--data", server.data, "--rewrap-root-key").returncode != 0, "a server runs on it"
        assert server.stop() == 0
        files = lambda: {p.name: p.read_bytes() for p in (server.data / "root-key").rglob("*") if p.is_file()}
        before = files()
        done = run(KMSD, "--data", server.data, "--rewrap-root-key")
        assert done.returncode == 0, done
        after = files()
        assert len(after) == 3 and not set(after.values()) & set(before.values()), sorted(after)
        server.start()
        assert Client(server).call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"] == "aGk="


@check
def the_first_access_key_can_be_rotated_beside_the_server():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        client.create_key()
        old = client.headers(b"{}")
        kmsctl(server, "root-key", "rotate", "--data", server.data)
        status, raw = client.raw("POST", "/v1/keyManage/listAliasKeys", old, b"{}")
        assert status == 401 and json.loads(raw)["errorCode"] == "KMS.0402", raw
        assert client.call("/v1/keyManage/listAliasKeys")["totalCount"] == 1
        mode = (server.data / "root-credentials.json").stat().st_mode & 0o777
        assert mode == 0o600 and not (server.data / "root-credentials.json.rotated").exists()


@check
def a_lost_store_is_not_replaced_by_an_empty_one():
    with Server(KMSD) as server:
        server.start()
        Client(server).create_key()
        assert server.stop() == 0
        before = server.credentials
        shutil.move(server.data / "store", server.folder / "store")
        assert server.start(expect_exit=True) not in (0, None)
        assert "restore it" in server.log and server.credentials == before
        shutil.rmtree(server.data / "store")
        shutil.move(server.folder / "store", server.data / "store")
        server.start()
        assert Client(server).call("/v1/keyManage/listAliasKeys")["totalCount"] == 1


@check
def a_rotation_under_another_root_key_is_refused():
    with Server(KMSD) as server, Server(KMSD) as other:
        for s in (server, other):
            s.start()
        parts = [f"--{name}-folder={other.data}/root-key/{folder}"
                 for name, folder in (("root", "root"), ("private", "private"), ("wrap", "wrap"))]
        kmsctl(server, "root-key", "rotate", "--data", server.data, *parts, code=1)
        assert Client(server).call("/v1/keyManage/listAliasKeys")["totalCount"] == 0


@check
def an_id_of_a_change_stays_used_after_a_restart():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        key = client.create_key()
        body = json.dumps({"cmkUuid": key}).encode()
        headers = client.headers(body)
        assert client.raw("POST", "/v1/cmkManage/disableKey", headers, body)[0] == 200
        client.close()
        server.stop(9)
        server.start()
        status, raw = client.raw("POST", "/v1/keyManage/describeKey", headers, body)
        assert status == 401 and json.loads(raw)["errorCode"] == "KMS.0918", raw
        status, raw = client.raw("POST", "/v1/cmkManage/enableKey", headers, body)
        assert status == 401 and json.loads(raw)["errorCode"] == "KMS.0918", raw
        assert client.raw("POST", "/v1/cmkManage/disableKey", headers, body)[0] == 200, "its outcome is repeated"


@check
def nothing_secret_reaches_log_audit_or_store():
    with Server(KMSD, options=["--log-level", "trace"]) as server:
        server.start()
        client = Client(server)
        key = client.create_key()
        secret = "correct horse battery staple " * 3
        sealed = client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(secret.encode()))
        client.call("/v1/keyCompute/decrypt", ciphertextBlob=sealed["ciphertextBlob"])
        made = client.call("/v1/keyCompute/generateDataKey", cmkUuid=key)
        for bad in ({"plaintext": "?" + secret}, {"plaintext": secret}, {"cmkUuid": secret, "plaintext": "aGk="}):
            try:
                client.call("/v1/keyCompute/encrypt", **{"cmkUuid": key, **bad})
                raise AssertionError("refused")
            except Refused:
                pass
        sk = server.credentials["secretKey"]
        client.close()
        assert server.stop() == 0
        import base64
        needles = [secret[:20].encode(), b64(secret.encode())[:24].encode(), sk.encode(),
                   made["plaintext"].encode(), base64.b64decode(made["plaintext"])]
        for path in [server.folder / "log", *server.data.rglob("*")]:
            if not path.is_file() or path.name == "root-credentials.json":
                continue
            content = path.read_bytes()
            for needle in needles:
                assert needle not in content, (path, needle[:10])


@check
def the_audit_trail_tells_of_every_call_in_order():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        request_id = str(uuid.uuid4())
        key = client.create_key(description="x")
        client.call("/v1/cmkManage/disableKey", request_id=request_id, cmkUuid=key)
        client.call("/v1/cmkManage/enableKey", cmkUuid=key)
        client.close()
        assert server.stop() == 0
        files = sorted((server.data / "audit").glob("*.jsonl"))
        events = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
        events = [e for e in events if e.get("key") == key]
        assert [e["operation"] for e in events] == ["createKey", "disableKey", "enableKey"], events
        assert events[1]["requestId"] == request_id and events[1]["source"].startswith("127.0.0.1"), events[1]
        assert all(e["code"] == "ok" and e["user"] == server.credentials["userId"] for e in events), events


@check
def what_is_in_flight_is_answered_when_it_stops():
    with Server(KMSD) as server:
        server.start()
        key = Client(server).create_key(keySpec="RSA_2048", keyUsage="2")
        version = Client(server).call("/v1/versionControl/listKeyVersions", cmkUuid=key)["content"][0]["primaryKeyVersion"]
        answered, failed = [], []

        def sign():
            client = Client(server)
            while not failed:
                try:
                    client.call("/v1/asymmetric/asymmetricSign", cmkUuid=key, keyVersionId=version,
                                algorithm="RSA_PSS_SHA_256", digest=b64(b"\1" * 32))
                    answered.append(1)
                except Refused as e:
                    failed.append(e)
                except Exception as e:  # noqa: BLE001 - the server has stopped
                    if not stopping.is_set():
                        failed.append(e)
                    return

        stopping = threading.Event()
        threads = [threading.Thread(target=sign) for _ in range(8)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        stopping.set()
        assert server.stop() == 0, server.log[-500:]
        for thread in threads:
            thread.join(30)
        assert answered and not failed, failed[:1]


@check
def concurrent_creation_and_listing_lose_nothing():
    with Server(KMSD) as server:
        server.start()
        made, trouble, done = [], [], threading.Event()

        def create():
            client = Client(server)
            try:
                for _ in range(40):
                    made.append(client.create_key())
            except Exception as e:  # noqa: BLE001 - reported below
                trouble.append(e)

        def listing():
            client = Client(server)
            while not done.is_set():
                seen, page = [], 0
                while True:
                    items = client.call("/v1/keyManage/listAliasKeys", pageNumber=page, pageSize=7)["content"]
                    seen += [k["cmkUuid"] for k in items]
                    page += 1
                    if len(items) < 7:
                        break
                if len(seen) != len(set(seen)):
                    trouble.append(AssertionError("a key on two pages"))

        threads = [threading.Thread(target=create) for _ in range(6)]
        lister = threading.Thread(target=listing)
        for thread in [*threads, lister]:
            thread.start()
        for thread in threads:
            thread.join(60)
        done.set()
        lister.join(60)
        assert not trouble, trouble[0]
        client = Client(server)
        seen = []
        for page in range(3):
            seen += [k["cmkUuid"] for k in client.call("/v1/keyManage/listAliasKeys", pageNumber=page, pageSize=100)["content"]]
        assert sorted(seen) == sorted(made) and len(made) == 240


@check
def the_same_request_in_parallel_happens_once():
    with Server(KMSD) as server:
        server.start()
        body = json.dumps(dict(protectionLevel="1", keySpec="AES_256", regionId=server.credentials["regionId"], keyUsage="1",
                               enableAutomaticRotation="false", origin="KMS")).encode()
        headers = Client(server).headers(body)
        answers = []

        def send():
            answers.append(Client(server).raw("POST", "/v1/cmkManage/createKey", headers, body))

        threads = [threading.Thread(target=send) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        made = {json.loads(raw)["returnObj"]["result"]["cmkUuid"] for status, raw in answers if status == 200}
        assert len(made) == 1, made
        assert all(status in (200, 401) for status, _ in answers)
        assert Client(server).call("/v1/keyManage/listAliasKeys")["totalCount"] == 1


@check
def kmsctl_does_what_a_person_would_type():
    with Server(KMSD) as server:
        server.start()
        kmsctl(server, "key", "create", "--alias", "alias/a", "--spec", "AES_256", "--rotate-days", "30")
        blob = kmsctl(server, "encrypt", "alias/a", data=b"top secret")
        assert kmsctl(server, "decrypt", data=blob) == b"top secret"
        described = json.loads(kmsctl(server, "--output", "json", "key", "describe", "alias/a"))
        assert described["rotationInterval"] == "2592000s"
        kmsctl(server, "key", "disable", "alias/a")
        assert b"KMS.0206" in kmsctl(server, "encrypt", "alias/a", data=b"x", code=1)
        kmsctl(server, "key", "enable", "alias/a")
        kmsctl(server, "key", "create", "--alias", "alias/s", "--spec", "RSA_2048", "--usage", "sign")
        message = server.folder / "message"
        message.write_bytes(b"text")
        signature = server.folder / "signature"
        signature.write_bytes(kmsctl(server, "sign", "alias/s", message))
        kmsctl(server, "verify", "alias/s", message, "--signature", signature)
        message.write_bytes(b"Text")
        kmsctl(server, "verify", "alias/s", message, "--signature", signature, code=1)
        kmsctl(server, "key", "create", "--alias", "alias/own", "--external")
        material = server.folder / "material"
        material.write_bytes(b"\x05" * 32)
        kmsctl(server, "import", "alias/own", material)
        assert kmsctl(server, "decrypt", data=kmsctl(server, "encrypt", "alias/own", data=b"x")) == b"x"
        listed = kmsctl(server, "alias", "list")
        assert all(name in listed for name in (b"alias/a", b"alias/s", b"alias/own"))
        called = json.loads(kmsctl(server, "call", "generateDataKey", "cmkUuid=alias/a", "keySpec=AES_128"))
        assert len(called["plaintext"]) == 24
        kmsctl(server, "call", "noSuchOperation", code=2)
        kmsctl(server, "call", "describeKey", "cmkUuid=alias/none", code=1)
        assert len(kmsctl(server, "operations").splitlines()) >= 34
        kmsctl(server, "--endpoint", f"http://127.0.0.1:{free_port()}", "health", code=3)


@check
def envelope_files_round_trip_and_do_not_lie():
    with Server(KMSD) as server:
        server.start()
        kmsctl(server, "key", "create", "--alias", "alias/f")
        folder = server.folder
        for size in (0, 1, 65536, 1 << 20, 3_000_001):
            clear = folder / "clear"
            clear.write_bytes(os.urandom(size))
            for name in ("sealed", "again"):
                (folder / name).unlink(missing_ok=True)
            kmsctl(server, "encrypt-file", "alias/f", clear, folder / "sealed")
            kmsctl(server, "decrypt-file", folder / "sealed", folder / "again")
            assert (folder / "again").read_bytes() == clear.read_bytes(), size
        sealed = (folder / "sealed").read_bytes()
        kmsctl(server, "decrypt-file", folder / "sealed", folder / "again", code=1)   # it is there already
        for spoilt in (sealed[:-1], sealed[:1 << 20], sealed + b"x", sealed[:-100] + b"x" + sealed[-99:], b""):
            (folder / "spoilt").write_bytes(spoilt)
            env = {**os.environ, "KMS_CREDENTIALS": str(server.data / "root-credentials.json")}
            done = run(KMSCTL, "decrypt-file", folder / "spoilt", folder / "out", env=env)
            assert done.returncode != 0 and not (folder / "out").exists(), len(spoilt)
        assert not [p for p in folder.iterdir() if p.name.startswith("out") or ".tmp" in p.name], list(folder.iterdir())


class As:
    """The server as others than its first root user see it."""

    def __init__(self, server, credentials):
        self.tls, self.port, self.data, self.now = server.tls, server.port, server.data, server.now
        self.credentials = credentials


def refused(code, call, *arguments, **parameters):
    try:
        call(*arguments, **parameters)
    except Refused as e:
        assert e.code == code, (e.code, code)
        return e
    raise AssertionError(f"not refused with {code}")


@check
def a_user_may_what_was_granted_until_it_is_revoked():
    with Server(KMSD) as server:
        server.start()
        root = Client(server)
        iam = lambda operation, **parameters: root.call("/v1/iam/" + operation, **parameters)
        key = root.create_key()
        user = iam("createUser", userName="app")["userId"]
        group = iam("createGroup", groupName="apps")["groupId"]
        iam("addUserToGroup", groupId=group, userId=user)
        made = iam("createAccessKey", userId=user)
        app = Client(As(server, {**server.credentials, "accessKey": made["accessKey"], "secretKey": made["secretKey"]}))
        refused("KMS.0913", app.describe, key)
        document = {"Version": "1.1", "Statement": [{
            "Effect": "Allow", "Action": "kms:cmk:describe", "Resource": "cmk/" + key,
            "Condition": {"IpAddress": {"kms:SourceIp": "127.0.0.0/8"}, "Bool": {"kms:SecureTransport": "false"}}}]}
        policy = iam("createPolicy", policyName="look", policyDocument=json.dumps(document))["policyId"]
        iam("grantPolicy", groupId=group, policyId=policy)
        assert app.describe(key)["cmkUuid"] == key
        other = root.create_key()
        denied = refused("KMS.0301", app.describe, other)
        absent = refused("KMS.0301", app.describe, str(uuid.uuid4()))
        assert denied.status == absent.status
        refused("KMS.0913", app.call, "/v1/cmkManage/disableKey", cmkUuid=key)
        simulated = iam("simulatePolicy", userId=user, action="kms:cmk:describe", cmkUuid=key)
        assert simulated["allowed"] is True and simulated["policyId"] == policy and simulated["statement"] == 1
        assert root.call("/v1/cmkManage/disableKey", cmkUuid=key, dryRun=True) == {"dryRun": True}
        assert root.describe(key)["status"] == 1
        iam("revokePolicy", groupId=group, policyId=policy)
        refused("KMS.0913", app.describe, key)
        iam("disableUser", userId=user)
        refused("KMS.0912", app.describe, key)
        stored = b"".join(p.read_bytes() for p in (server.data / "store").iterdir())
        assert made["secretKey"].encode() not in stored
        app.close()
        root.close()
        assert server.stop() == 0


@check
def the_operator_makes_accounts_that_do_not_see_one_another():
    with Server(KMSD) as server:
        server.start()
        assert (server.data / "admin.sock").stat().st_mode & 0o777 == 0o600
        first = Client(server)
        key = first.create_key(aliasName="alias/first")
        out = server.folder / "second.json"
        admin = lambda *arguments, code=0: kmsctl(server, "admin", "--data", server.data, *arguments, code=code)
        admin("create-account", "--name", "second", "--out", out)
        assert out.stat().st_mode & 0o777 == 0o600
        admin("create-account", "--out", out, code=1)
        credentials = json.loads(out.read_text())
        second = Client(As(server, credentials))
        for name in (key, "alias/first"):
            refused("KMS.0301", second.describe, name)
        assert second.call("/v1/keyManage/listKeys")["totalCount"] == 0
        second.create_key(aliasName="alias/first")
        accounts = json.loads(admin("list-accounts"))["accounts"]
        assert [a["name"] for a in accounts] == ["", "second"], accounts
        rotated = json.loads(admin("rotate-root-key", credentials["accountId"]))
        refused("KMS.0402", second.describe, key)
        again = Client(As(server, rotated))
        assert again.call("/v1/keyManage/listKeys")["totalCount"] == 1
        admin("rotate-root-key", "nobody", code=1)
        kmsctl(server, "root-key", "rotate", "--data", server.data)
        assert server.credentials["accountId"] == accounts[0]["accountId"]
        assert Client(server).describe(key)["cmkUuid"] == key
        for client in (first, second, again):
            client.close()
        assert server.stop() == 0
        assert not (server.data / "admin.sock").exists()
        admin("list-accounts", code=3)


if __name__ == "__main__":
    run_checks()
