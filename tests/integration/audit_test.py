#!/usr/bin/env python3
"""The audit trail from outside: what is in it, that kmsctl finds every change to it, kill -9 under load, a full
disk, and the query operation.

  audit_test.py KMSD KMSCTL [ROUNDS]
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid

from harness import Client, Refused, Server, b64, eventually

KMSD, KMSCTL = sys.argv[1], sys.argv[2]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 5
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def verify(*arguments):
    """Exit code, facts and standard error of kmsctl audit verify."""
    done = subprocess.run([KMSCTL, "--output", "json", "audit", "verify", *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def files_of(server):
    return sorted((server.data / "audit").glob("*.jsonl"))


def lines_of(server):
    """All whole lines."""
    lines = []
    for file in files_of(server):
        whole = file.read_bytes().rpartition(b"\n")[0]
        lines += [json.loads(line) for line in whole.splitlines()]
    return lines


def calls_of(server):
    return [line for line in lines_of(server) if "kind" not in line]


def readiness(server):
    status, page = Client(server).raw("GET", "/readyz", {})
    return status, json.loads(page)


def metric(server, name):
    page = Client(server).raw("GET", "/metrics", {})[1].decode()
    return float(next(line.split()[1] for line in page.splitlines() if line.startswith(name + " ")))


@check
def every_call_leaves_a_line():
    with Server(KMSD, options=["--audit-flush-millis", "50"]) as server:
        server.start()
        client = Client(server)
        ids = {name: str(uuid.uuid4()) for name in
               ("create", "describe", "encrypt", "absent", "signature", "route", "parameter")}
        parameters = dict(protectionLevel="1", keySpec="AES_256", regionId=server.credentials["regionId"],
                          keyUsage="1", enableAutomaticRotation="false", origin="KMS")
        key = client.call("/v1/cmkManage/createKey", ids["create"], **parameters)["cmkUuid"]
        client.call("/v1/keyManage/describeKey", ids["describe"], cmkUuid=key)
        client.call("/v1/keyCompute/encrypt", ids["encrypt"], cmkUuid=key, plaintext=b64(b"x"))

        def refused(path, request_id, **more):
            try:
                client.call(path, request_id, **more)
            except Refused as e:
                return e.code
            raise AssertionError("it was answered")
        absent = str(uuid.uuid4())
        codes = {"absent": refused("/v1/keyManage/describeKey", ids["absent"], cmkUuid=absent),
                 "route": refused("/v1/no/such", ids["route"]),
                 "parameter": refused("/v1/keyCompute/encrypt", ids["parameter"], cmkUuid=key)}
        body = b"{}"
        wrong = client.headers(body, ids["signature"], secret="wrong")
        status, raw = client.raw("POST", "/v1/cmkManage/disableKey", wrong, body)
        codes["signature"] = json.loads(raw)["errorCode"]
        # What manages something is there before it is answered; the rest follows.
        there = {line["requestId"] for line in calls_of(server)}
        assert {ids["create"], ids["describe"], ids["absent"]} <= there
        eventually(lambda: set(ids.values()) <= {line["requestId"] for line in calls_of(server)}, 10)
        by_id = {line["requestId"]: line for line in calls_of(server)}
        assert len([line for line in calls_of(server) if line["requestId"] in by_id]) == len(by_id)
        for name in ("create", "describe", "encrypt"):
            line = by_id[ids[name]]
            assert line["code"] == "ok" and line["key"] == key, line
            assert line["account"] == server.credentials["accountId"], line
            assert line["user"] == server.credentials["userId"], line
            assert line["accessKey"] == server.credentials["accessKey"], line
            assert line["source"].startswith("127.0.0.1") and line["micros"] > 0, line
            assert abs(line["time"] / 1000 - time.time()) < 60, line
        assert by_id[ids["encrypt"]]["operation"] == "encrypt"
        for name, code in codes.items():
            assert by_id[ids[name]]["code"] == code, (name, by_id[ids[name]])
        assert by_id[ids["absent"]]["key"] == absent
        assert by_id[ids["signature"]]["account"] == "" and by_id[ids["signature"]]["operation"] == "disableKey"
        assert by_id[ids["signature"]]["accessKey"] == server.credentials["accessKey"], "as it was claimed"
        client.close()
        assert server.stop() == 0
        code, facts, error = verify("--data", server.data)
        assert code == 0 and facts["sound"] and facts["macsChecked"], (facts, error)
        assert facts["lastSeq"] == lines_of(server)[-1]["seq"] == facts["checkpointSeq"] + 1, facts


@check
def kmsctl_names_the_first_bad_line():
    with Server(KMSD) as server:
        server.start()
        for _ in range(3):
            Client(server).create_key()
        assert server.stop() == 0
        server.start()
        Client(server).create_key()
        assert server.stop() == 0
        code, facts, error = verify("--data", server.data)
        assert code == 0 and facts["files"] == 2, (facts, error)
        last = ("--expect-seq", facts["lastSeq"], "--expect-hash", facts["lastHash"])
        away = server.folder / "copy"
        shutil.copytree(server.data / "audit", away)
        pem = server.folder / "noted.pem"
        shutil.copy(away / "audit-public.pem", pem)
        code, facts, error = verify("--audit", away, "--public-key", pem, *last)
        assert code == 0 and not facts["macsChecked"] and not facts["publicKeyIsTheTrailsOwn"], (facts, error)

        first, second = sorted(away.glob("*.jsonl"))
        original = {file: file.read_bytes() for file in (first, second)}
        lines = original[first].splitlines(keepends=True)

        def is_found(file, content, bad_file, bad_line):
            file.write_bytes(content)
            for options in (["--audit", away], ["--audit", away, "--data", server.data]):
                code, facts, error = verify(*options)
                assert code == 1 and not facts["sound"], (facts, error)
                assert (facts["badFile"], facts["badLine"]) == (str(bad_file), bad_line), (facts, error)
                assert f"{bad_file}:{bad_line}" in error, error
            file.write_bytes(original[file])
        is_found(first, b"".join(lines[:2] + [lines[2].replace(b'"ok"', b'"OK"')] + lines[3:]), first, 3)
        is_found(first, b"".join(lines[:2] + lines[3:]), first, 3)
        is_found(first, b"".join(lines[:2] + [lines[3], lines[2]] + lines[4:]), first, 3)
        is_found(first, b"".join(lines[:3] + lines[2:]), first, 4)
        is_found(first, b"".join(lines[:5]), second, 1)

        # The end alone can be cut without a trace in the files; whoever noted it sees it, and so does the store
        # for what it knows.
        second.write_bytes(b"".join(original[second].splitlines(keepends=True)[:-1]))
        assert verify("--audit", away)[0] == 0
        code, facts, error = verify("--audit", away, *last)
        assert code == 1 and "was there once" in error, (facts, error)
        assert verify("--audit", away, "--expect-seq", 1)[0] == 2
        assert verify("--audit", server.folder / "nothing")[0] != 0


class Load(threading.Thread):
    """Changes and computes, and keeps the ids of what was acknowledged."""

    def __init__(self, server):
        super().__init__()
        self.client, self.managed, self.trouble = Client(server), [], None

    def run(self):
        try:
            key = None
            while True:
                request_id = str(uuid.uuid4())
                if key is None or random.random() < 0.3:
                    region = self.client.server.credentials["regionId"]
                    key = self.client.call("/v1/cmkManage/createKey", request_id, protectionLevel="1",
                                           keySpec="AES_256", regionId=region, keyUsage="1",
                                           enableAutomaticRotation="false", origin="KMS")["cmkUuid"]
                    self.managed.append(request_id)
                elif random.random() < 0.3:
                    self.client.describe(key)
                else:
                    self.client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(b"x"))
        except OSError:
            pass             # the server was killed
        except Exception as e:  # noqa: BLE001 - reported by the main thread
            if "HTTPException" not in [c.__name__ for c in type(e).__mro__]:
                self.trouble = e
        finally:
            self.client.close()


@check
def kill_under_load_leaves_a_trail_that_verifies():
    with Server(KMSD, options=["--audit-file-megabytes", "1"]) as server:
        acknowledged = []
        for _ in range(ROUNDS):
            server.start()
            load = [Load(server) for _ in range(4)]
            for thread in load:
                thread.start()
            time.sleep(random.uniform(0.2, 1.0))
            server.stop(signal.SIGKILL)
            for thread in load:
                thread.join(60)
                if thread.trouble:
                    raise thread.trouble
                acknowledged += thread.managed
            code, facts, error = verify("--data", server.data)
            assert code == 0 and facts["sound"], (facts, error)
            whole = lines_of(server)
            assert facts["lastSeq"] == whole[-1]["seq"] == len(whole), facts
            missing = set(acknowledged) - {line.get("requestId") for line in whole}
            assert not missing, f"{len(missing)} acknowledged changes have no line"
        server.start()
        eventually(lambda: metric(server, "kms_audit_up") == 1, 10)
        # Every change that was made has exactly one line, acknowledged or not.
        client, keys, page = Client(server), set(), 0
        while True:
            listed = client.call("/v1/keyManage/listAliasKeys", pageNumber=page, pageSize=100)["content"]
            keys |= {k["cmkUuid"] for k in listed}
            page += 1
            if len(listed) < 100:
                break
        client.close()
        assert server.stop() == 0
        made = [line["key"] for line in calls_of(server) if line["operation"] == "createKey" and line["code"] == "ok"]
        assert len(made) == len(set(made)), "a change has two lines"
        assert set(made) == keys, (len(made), len(keys))
        code, facts, error = verify("--data", server.data)
        assert code == 0, (facts, error)


@check
def a_file_moved_away_is_noticed():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        client.create_key()
        first = files_of(server)[-1]
        first.rename(server.folder / "away")
        client.create_key()
        assert files_of(server)[-1] != first
        status, page = readiness(server)
        assert status == 200 and first.name in page["reasons"]["audit"], page
        eventually(lambda: "moved away" in server.log, 10)
        assert server.stop() == 0
        code, facts, error = verify("--audit", server.data / "audit")
        assert code == 0 and facts["firstSeq"] > 1, (facts, error)
        (server.folder / "away").rename(first)
        code, facts, error = verify("--data", server.data)
        assert code == 0 and facts["firstSeq"] == 1, (facts, error)


@check
def a_full_disk_is_survived():
    """On a small file system of its own, which takes the right to mount one."""
    with Server(KMSD, options=["--audit-flush-millis", "50", "--audit-grace-seconds", "2"]) as server:
        server.data.mkdir(parents=True)
        server.data.chmod(0o700)
        audit = server.data / "audit"
        audit.mkdir(mode=0o700)
        if os.geteuid() != 0 or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", audit], capture_output=True).returncode:
            print("   (no right to mount a file system: left out)")
            return
        try:
            server.start()
            client = Client(server)
            key = client.create_key()
            filler = audit / "filler"
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass
            # The room that is kept ahead is used up, and then changes are refused before they are made.
            code = None
            for _ in range(5000):
                try:
                    client.describe(key)
                except Refused as e:
                    code = e.code
                    break
            assert code == "KMS.0925", code
            before = metric(server, "kms_audit_lines_total")
            for _ in range(3):
                try:
                    client.create_key()
                    raise AssertionError("a change was made")
                except Refused as e:
                    assert e.status == 503 and e.code == "KMS.0925", e
            status, page = readiness(server)
            assert status == 503 and page["parts"]["audit"] == "down", page
            assert "space" in page["reasons"]["audit"], page
            assert metric(server, "kms_audit_up") == 0 and metric(server, "kms_audit_failures_total") > 0

            def computes():
                try:
                    client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(b"x"))
                    return True
                except Refused as e:
                    assert e.code == "KMS.0925", e
                    return False
            eventually(lambda: not computes(), 20)
            filler.unlink()
            eventually(lambda: readiness(server)[0] == 200, 10)
            assert computes()
            client.create_key()
            assert metric(server, "kms_audit_lines_total") > before
            client.close()
            assert server.stop() == 0
            code, facts, error = verify("--data", server.data)
            assert code == 0, (facts, error)
            refused = [line for line in calls_of(server) if line["code"] == "KMS.0925"]
            assert any(line["operation"] == "createKey" for line in refused), "refusals have lines, too"
        finally:
            if server.process and server.process.poll() is None:
                server.stop(signal.SIGKILL)
            subprocess.run(["umount", audit], check=False)


@check
def a_batch_leaves_a_line_for_each_key_and_outcome():
    with Server(KMSD, options=["--audit-flush-millis", "50"]) as server:
        server.start()
        client = Client(server)
        one, two = client.create_key(), client.create_key()
        client.call("/v1/keyName/createAlias", cmkUuid=one, aliasName="alias/one")
        seal, opened = str(uuid.uuid4()), str(uuid.uuid4())
        texts = [b64(b"x"), b64(b"y")]
        blobs = [item["ciphertextBlob"]
                 for item in client.call("/v1/keyCompute/batchEncrypt", seal, cmkUuid="alias/one",
                                         plaintexts=texts)["items"]]
        blobs += [client.call("/v1/keyCompute/encrypt", cmkUuid=two, plaintext=texts[0])["ciphertextBlob"],
                  b64(b"no blob"), b64(b"nor this")]
        items = client.call("/v1/keyCompute/batchDecrypt", opened, ciphertextBlobs=blobs)["items"]
        bad = items[3]["errorCode"]
        assert [item.get("errorCode") for item in items] == [None, None, None, bad, bad], items

        def told(request_id):
            return sorted((line["key"], line["code"]) for line in calls_of(server)
                          if line["requestId"] == request_id)
        expected = sorted([(one, "ok"), (two, "ok"), ("", bad)])
        eventually(lambda: told(opened) == expected, 10)
        assert told(seal) == [(one, "ok")], told(seal)
        found = client.call("/v1/audit/queryEvents", key=two, operation="batchDecrypt")["events"]
        assert [event["requestId"] for event in found] == [opened], found
        client.close()
        assert server.stop() == 0
        assert verify("--data", server.data)[0] == 0


@check
def a_tenant_queries_its_own_events():
    with Server(KMSD, options=["--audit-flush-millis", "50"]) as server:
        server.start()
        client = Client(server)
        query = lambda **more: client.call("/v1/audit/queryEvents", **more)
        key = client.create_key()
        for _ in range(5):
            client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(b"x"))
        eventually(lambda: len(query(operation="encrypt")["events"]) == 5, 10)
        event = query(operation="createKey", key=key)["events"][0]
        assert event["code"] == "ok" and event["userId"] == server.credentials["userId"], event
        assert not {"seq", "hash", "account"} & set(event), event
        ids, continuation = [], {}
        while True:
            page = query(operation="encrypt", key=key, limit=2, order="oldest", **continuation)
            ids += [e["requestId"] for e in page["events"]]
            if "continuation" not in page:
                break
            continuation = {"continuation": page["continuation"]}
        assert ids == [e["requestId"] for e in reversed(query(operation="encrypt")["events"])], ids
        assert len(set(ids)) == 5
        now = int(time.time())
        assert query(startTime=now + 100)["events"] == []
        assert query(endTime=now - 100)["events"] == []
        assert query(userId="nobody")["events"] == []
        assert query(code="KMS.0301")["events"] == []
        for bad in ({"continuation": "x"}, {"limit": 0}, {"order": "x"}):
            try:
                query(**bad)
                raise AssertionError("it was answered")
            except Refused as e:
                assert e.status == 400, e
        client.close()
        assert server.stop() == 0


def main():
    for function in CHECKS:
        print("--", function.__name__.replace("_", " "), flush=True)
        function()


if __name__ == "__main__":
    main()
