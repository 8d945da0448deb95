#!/usr/bin/env python3
"""Tokens that go, come back, are wrong, or do not answer: what kmsd says and serves meanwhile.

  hsm_outage_test.py KMSD KMSCTL [NAME]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import uuid

from harness import Client, Server, b64, check, eventually, run_checks
from hsm_harness import (DOWN, MODULE, NO_TOKEN, FaultyToken, Keys, OperatorsToken, decrypt, encrypt, gauge, is_ready, messages,
                         need_token, objects, own_token, pkcs11_tool, readiness, red_reason, refusal, timed, version)

KMSD, KMSCTL = sys.argv[1], sys.argv[2]


# ---------------------------------------------------------------- the own SoftHSM
@check
def a_token_that_goes_and_comes_back_needs_no_restart():
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        tokens = server.data / "hsm" / "tokens"
        done, trouble, answered, refused = threading.Event(), [], [], []

        def software():
            client = Client(server)
            try:
                while not done.is_set():
                    assert decrypt(client, encrypt(client, keys.software)) == keys.software.encode()
                    answered.append(1)
            except Exception as e:  # noqa: BLE001 - reported below
                trouble.append(e)

        def hardware():
            client = Client(server)
            try:
                while not done.is_set():
                    for key in keys.symmetric:
                        said = refusal(lambda: decrypt(client, keys.blobs[key]))
                        assert said in (None, DOWN), said
                        refused.append(said)
            except Exception as e:  # noqa: BLE001 - reported below
                trouble.append(e)

        threads = [threading.Thread(target=f) for f in (software, software, hardware, hardware)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            tokens.rename(tokens.with_name("away"))
            eventually(lambda: not is_ready(server), 20)
            assert red_reason(server)
            keys.check_without_token()
            assert gauge(server, "kms_hsm_up") == 0
            tokens.with_name("away").rename(tokens)
            eventually(lambda: is_ready(server), 20)
            keys.check()
            assert gauge(server, "kms_hsm_up") == 1
        assert gauge(server, "kms_hsm_reconnects_total") >= 2
        assert gauge(server, "kms_hsm_failures_total") >= 1
        eventually(lambda: sum(m == "the token is back" for m in messages(server)) == 2, 10)
        assert sum(m.startswith("the token is down: ") for m in messages(server)) == 2
        done.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert not trouble, trouble[0]
        assert answered and None in refused and DOWN in refused
        assert len(objects(server)) == 1
        assert server.stop() == 0


@check
def garbage_does_not_take_the_token_down():
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        client = Client(server)
        for key in keys.symmetric:
            blob = keys.blobs[key]
            spoilt = blob[:-8] + ("AAAAAAA=" if blob[-8:] != "AAAAAAA=" else "BBBBBBB=")
            for _ in range(200):
                assert refusal(decrypt, client, spoilt)[1] == "KMS.0219"
        assert is_ready(server) and gauge(server, "kms_hsm_failures_total") == 0
        keys.check()


# A token that the store's keys need and that is not right at the start.
def starts_without_token(spoil, mend, reason, options=()):
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        assert server.stop() == 0
        spoil(server)
        server.options = list(options)
        server.start()
        assert reason in red_reason(server), red_reason(server)
        eventually(lambda: any(reason in m for m in messages(server)), 10)
        keys.check_without_token(creation=NO_TOKEN)
        assert server.stop() == 0
        mend(server)
        server.options = []
        server.start()
        assert is_ready(server)
        keys.check()
        assert server.stop() == 0


@check
def a_wrong_pin_at_the_start_is_told():
    pins = []

    def spoil(server):
        pin = server.data / "hsm" / "pin"
        pins.append(pin.read_text())
        pin.write_text("0" * 32 + "\n")

    starts_without_token(spoil, lambda server: (server.data / "hsm" / "pin").write_text(pins[0]), "PIN")


@check
def a_lost_pin_is_told_and_not_made_anew():
    def move(name, to):
        return lambda server: (server.data / "hsm" / name).rename(server.data / "hsm" / to)

    starts_without_token(move("pin", "kept"), move("kept", "pin"), "the PIN is lost")


@check
def a_lost_token_is_told_and_not_made_anew():
    def move(name, to):
        return lambda server: (server.data / name).rename(server.data / to)

    starts_without_token(move("hsm", "kept"), move("kept", "hsm"), "backup")


@check
def a_missing_module_is_told():
    nothing = lambda server: None
    starts_without_token(nothing, nothing, "/nonexistent", options=["--softhsm-module", "/nonexistent/module.so"])


@check
def hsm_none_serves_without_the_token():
    nothing = lambda server: None
    starts_without_token(nothing, nothing, "--hsm none", options=["--hsm", "none"])


@check
def a_deleted_root_key_is_told():
    def spoil(server):
        shutil.copytree(server.data / "hsm", server.folder / "kept")
        identity = next(l.split()[-1] for l in objects(server)[0].splitlines() if l.strip().startswith("ID:"))
        own_token(server, "--delete-object", "--type", "secrkey", "--id", identity)
        assert not objects(server)

    def mend(server):
        shutil.rmtree(server.data / "hsm")
        (server.folder / "kept").rename(server.data / "hsm")

    starts_without_token(spoil, mend, "root key")


@check
def a_root_key_that_is_deleted_under_the_server_is_told():
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        identity = next(l.split()[-1] for l in objects(server)[0].splitlines() if l.strip().startswith("ID:"))
        own_token(server, "--delete-object", "--type", "secrkey", "--id", identity)
        eventually(lambda: not is_ready(server), 20)
        eventually(lambda: "root key" in (red_reason(server) or ""), 20)
        assert decrypt(Client(server), keys.blobs[keys.software]) == keys.software.encode()
        assert server.stop() == 0


@check
def without_need_a_missing_module_is_no_trouble():
    for options in (["--softhsm-module", "/nonexistent/module.so"], ["--hsm", "none"]):
        with Server(KMSD, options=options) as server:
            server.start()
            client = Client(server)
            client.create_key()
            assert refusal(client.create_key, protectionLevel="0") == NO_TOKEN
            status, page = readiness(server)
            assert status == 200 and "hsm" not in page["parts"], page
            eventually(lambda: any("no token" in m for m in messages(server)), 10)
            assert not (server.data / "hsm").exists()
            assert server.stop() == 0
            # A token can come later.
            server.options = []
            server.start()
            Keys(server).check()


# ---------------------------------------------------------------- a token that the operator names
@check
def a_named_token_that_cannot_be_opened_is_refused_at_the_start():
    with OperatorsToken() as token:
        good = {"module": MODULE, "token": token.label, "pin-file": str(token.pin_file)}
        wrong_pin = token.folder / "wrong"
        wrong_pin.write_text("wrong-pin-1\n")
        wrong_pin.chmod(0o600)
        for change, told in (({"token": "nobody"}, "nobody"), ({"pin-file": str(wrong_pin)}, "PIN"),
                             ({"serial": "0123456789abcdef"}, "0123456789abcdef"), ({"module": "/bin/true"}, "/bin/true")):
            options = ["--hsm", "pkcs11"]
            for name, value in {**good, **change}.items():
                options += [f"--hsm-{name}", value]
            with Server(KMSD, options=options, environment=token.environment) as server:
                assert server.start(expect_exit=True) == 1, change
                assert told in server.log and "--hsm none" in server.log, (change, server.log)


# ---------------------------------------------------------------- a module that hangs
def sign(client, keys):
    key, algorithm = keys.signing[0]
    return client.call("/v1/asymmetric/asymmetricSign", cmkUuid=key, keyVersionId=version(client, key), algorithm=algorithm,
                       digest=b64(b"\5" * 32))


def hang(server, token, keys):
    """Has a signature hang, and sees who is held up by it: who has asked for it, for a while, and nobody else."""
    token.obey("C_Sign hang")
    client, said = Client(server), []
    thread = threading.Thread(target=lambda: said.append(timed(refusal, sign, Client(server), keys)))
    thread.start()
    served = []
    while thread.is_alive():
        opened, seconds = timed(decrypt, client, keys.blobs[keys.software])
        assert opened == keys.software.encode()
        served.append(seconds)
    [(answer, seconds)] = said
    assert answer == DOWN and seconds < 2.5, said
    assert len(served) > 10 and max(served) < 0.5, (len(served), max(served))
    # The call still hangs, and nobody else walks into it.
    assert gauge(server, "kms_hsm_hanging_calls") > 0 and gauge(server, "kms_hsm_up") == 0
    answer, seconds = timed(refusal, sign, client, keys)
    assert answer == DOWN and seconds < 0.5, (answer, seconds)
    assert "does not come back" in red_reason(server)
    keys.check_without_token()
    client.close()


def trail_is_whole(server, request_id):
    """It verifies up to its signed end, and has a line of that call."""
    subprocess.run([KMSCTL, "audit", "verify", "--data", server.data], timeout=60, check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for file in sorted((server.data / "audit").glob("*.jsonl"))
             for line in file.read_text().splitlines()]
    assert lines[-1].get("end"), lines[-1]
    assert [line["code"] for line in lines if line.get("requestId") == request_id] == ["ok"], request_id


@check
def a_module_that_hangs_holds_up_nobody_else():
    with FaultyToken() as token:
        options = [*token.options, "--hsm-pin-file", str(token.pin_file)]
        with Server(KMSD, options=options, environment=token.environment) as server:
            server.start()
            keys = Keys(server)
            assert server.stop() == 0
            # On a busy machine RSA keys take longer than that to be made, also those that the start is measured
            # with: then the token is down for a moment, and comes back.
            server.options += ["--hsm-timeout-millis", "1000"]
            server.start()
            eventually(lambda: is_ready(server), 20)
            hang(server, token, keys)
            token.obey()
            eventually(lambda: is_ready(server), 20)
            assert gauge(server, "kms_hsm_hanging_calls") == 0
            keys.check()
            hang(server, token, keys)
            # It ends although the call still hangs, and keeps the lines of what it has answered.
            client, last = Client(server), str(uuid.uuid4())
            client.call("/v1/keyCompute/encrypt", last, cmkUuid=keys.software, plaintext=b64(b"x"))
            client.close()
            code, seconds = timed(server.stop)
            assert code == 0 and seconds < 8, (code, seconds)
            trail_is_whole(server, last)
            token.obey()
            server.start()
            eventually(lambda: is_ready(server), 20)
            keys.check()
            assert server.stop() == 0


@check
def a_module_that_hangs_at_the_start_is_told():
    with FaultyToken() as token:
        options = [*token.options, "--hsm-pin-file", str(token.pin_file), "--hsm-timeout-millis", "1000"]
        # To be opened, it has three times as long.
        for function in ("C_Initialize", "C_Login", "C_GenerateKey", "C_Sign"):
            token.obey(function + " hang")
            with Server(KMSD, options=options, environment=token.environment) as server:
                code, seconds = timed(server.start, 0, True)
                assert code == 1 and seconds < 12, (function, code, seconds)
                assert "does not come back" in server.log and "--hsm none" in server.log, (function, server.log)


# ---------------------------------------------------------------- exchanged tokens
def serial(token):
    shown = subprocess.run(["pkcs11-tool", "--module", MODULE, "--list-slots"], env={**os.environ, **token.environment},
                           capture_output=True, text=True, timeout=60, check=True).stdout
    return re.search(r"serial num *: *([0-9a-f]+)", shown)[1]


def touched(token):
    """What changes with a login, or with an object: SoftHSM writes its token's file at each login."""
    return {path.name: path.stat().st_mtime_ns for path in token.folder.rglob("*.object")}


class Exchanged:
    """The foreign token in the place of the right one."""

    def __init__(self, right, foreign):
        self.there, self.away, self.foreign = right.folder / "tokens", right.folder / "away", foreign.folder / "tokens"

    def __enter__(self):
        self.there.rename(self.away)
        self.foreign.rename(self.there)

    def __exit__(self, *_):
        self.there.rename(self.foreign)
        self.away.rename(self.there)


@check
def an_exchanged_token_is_noticed_and_left_alone():
    for pin in ("another-pin-5678", "operators-pin-1234"):
        with OperatorsToken() as token, OperatorsToken(pin) as foreign:
            right, wrong = serial(token), serial(foreign)
            assert right != wrong and token.label == foreign.label
            before = touched(foreign)
            options = [*token.options, "--hsm-pin-file", str(token.pin_file)]
            with Server(KMSD, options=options, environment=token.environment) as server:
                server.start()
                keys = Keys(server)
                keys.check()
                with Exchanged(token, foreign):
                    # The first reason may be what has failed; the next look tells whose token it is.
                    told = lambda: red_reason(server) or ""
                    eventually(lambda: right in told() and wrong in told(), 20)
                    keys.check_without_token()
                eventually(lambda: is_ready(server), 20)
                keys.check()
                assert server.stop() == 0
                # At a start it is the store that knows whose token it was.
                with Exchanged(token, foreign):
                    assert server.start(expect_exit=True) == 1
                    told = server.log.splitlines()[-1]
                    assert right in told and wrong in told, told
                server.start()
                keys.check()
                assert server.stop() == 0
            assert touched(foreign) == before, "somebody has logged in, or made something"
            listed = pkcs11_tool(foreign.configuration, pin, foreign.label, "-O")
            assert "Object" not in listed, listed
            assert touched(foreign) != before, "a login can be seen"


if __name__ == "__main__":
    need_token()
    run_checks()
