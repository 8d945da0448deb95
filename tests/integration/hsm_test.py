#!/usr/bin/env python3
"""kmsd with a token: its own SoftHSM, and one that the operator names. What lives where, and what keys of HSM
level can do.

  hsm_test.py KMSD KMSCTL [NAME]
"""
import base64
import json
import os
import pathlib
import signal
import subprocess
import sys

from harness import Client, Server, check, run_checks
from hsm_harness import (MODULE, Keys, OperatorsToken, decrypt, encrypt, gauge, need_token, objects, pkcs11_tool)

KMSD, KMSCTL = sys.argv[1], sys.argv[2]


# ---------------------------------------------------------------- the own SoftHSM
@check
def the_token_holds_one_root_key_and_nothing_else():
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        keys.check()
        for path in [server.data, *server.data.rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, path
        found = objects(server)
        assert len(found) == 1, found
        root = found[0]
        assert root.startswith("Secret Key Object; AES length 32"), root
        line = lambda name: next(l.split(":", 1)[1].strip() for l in root.splitlines() if l.strip().startswith(name))
        assert set(line("Usage").split(", ")) == {"wrap", "unwrap"}, root
        assert set(line("Access").split(", ")) >= {"sensitive", "always sensitive", "never extractable", "local"}, root
        assert gauge(server, "kms_hsm_up") == 1 and gauge(server, "kms_hsm_calls_total") > 0
        assert server.stop() == 0
        pin = (server.data / "hsm" / "pin").read_text().strip()
        assert pin not in server.log


@check
def keys_of_hsm_level_survive_restarts():
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            server.stop(how)
            server.start()
            keys.check()
        assert len(objects(server)) == 1
        assert server.stop() == 0


@check
def material_can_be_imported_at_hsm_level():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        key = client.create_key(protectionLevel="0", origin="EXTERNAL")
        client.close()
        material = server.folder / "material"
        material.write_bytes(os.urandom(32))
        environment = {**os.environ, "KMS_CREDENTIALS": str(server.data / "root-credentials.json")}
        subprocess.run([KMSCTL, "import", key, material], env=environment, check=True, capture_output=True, timeout=60)
        client = Client(server)
        blob = encrypt(client, key)
        client.close()
        assert server.stop() == 0
        server.start()
        assert decrypt(Client(server), blob) == key.encode()
        assert len(objects(server)) == 1
        assert server.stop() == 0


@check
def sm2_signatures_of_kmsctl_verify_with_openssl():
    with Server(KMSD) as server:
        server.start()
        environment = {**os.environ, "KMS_CREDENTIALS": str(server.data / "root-credentials.json")}

        def kmsctl(*arguments, code=0):
            done = subprocess.run([KMSCTL, *map(str, arguments)], env=environment, capture_output=True, timeout=60)
            assert done.returncode == code, (arguments, done)
            return done.stdout

        kmsctl("key", "create", "--alias", "alias/s", "--level", "hsm", "--spec", "Ctyun_SM2", "--usage", "sign")
        message, signature, public = (server.folder / name for name in ("message", "signature", "public"))
        message.write_bytes(b"message digest")
        signature.write_bytes(kmsctl("sign", "alias/s", message, "--algorithm", "SM2DSA"))
        kmsctl("verify", "alias/s", message, "--algorithm", "SM2DSA", "--signature", signature)
        public.write_bytes(kmsctl("public-key", "alias/s"))
        raw = server.folder / "raw"
        raw.write_bytes(base64.b64decode(signature.read_bytes()))
        openssl = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-in", message, "-sigfile", raw, "-rawin",
                   "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"]
        assert subprocess.run(openssl, capture_output=True).returncode == 0
        message.write_bytes(b"another message")
        assert subprocess.run(openssl, capture_output=True).returncode != 0
        kmsctl("verify", "alias/s", message, "--algorithm", "SM2DSA", "--signature", signature, code=1)


@check
def kmsctl_tells_where_a_key_lives():
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)

        def inspect(key, code=0):
            done = subprocess.run([KMSCTL, "--output", "json", "key", "inspect", key, "--data", server.data], capture_output=True,
                                  timeout=60)
            assert done.returncode == code, done
            return json.loads(done.stdout)["versions"] if code == 0 else done.stderr

        version = inspect(keys.software)[0]
        assert version["level"] == "software" and "software root key" in version["material"], version
        for key in [*keys.symmetric, *(key for key, _ in keys.signing + keys.decrypting)]:
            version = inspect(key)[0]
            assert version["level"] == "hsm" and "in the store" in version["material"], version
            assert "HSM root key 1" in version["material"], version
        client = Client(server)
        named = client.create_key(protectionLevel="0", aliasName="alias/named")
        client.close()
        assert inspect("alias/named") == inspect(named) and len(inspect(named)) == 1
        assert b"no such key" in inspect("alias/none", code=1)
        # Without the server, too.
        assert server.stop() == 0
        assert inspect(named)


@check
def a_new_root_key_is_for_new_keys():
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        assert server.stop() == 0
        done = subprocess.run([KMSD, "--new-hsm-root", "--data", server.data], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        server.start()
        keys.check()
        new = Client(server).create_key(protectionLevel="0")
        inspected = subprocess.run([KMSCTL, "key", "inspect", new, "--data", server.data], capture_output=True, text=True,
                                   timeout=60).stdout
        assert "HSM root key 2" in inspected, inspected
        # While it runs, it is not to be done.
        assert subprocess.run([KMSD, "--new-hsm-root", "--data", server.data], capture_output=True, timeout=60).returncode != 0
        keys.check()


# ---------------------------------------------------------------- a token that the operator names
@check
def a_named_token_serves():
    with OperatorsToken() as token:
        options = [*token.options, "--hsm-pin-file", str(token.pin_file), "--hsm-sessions", "4"]
        with Server(KMSD, options=options, environment=token.environment) as server:
            server.start()
            keys = Keys(server)
            keys.check()
            assert not (server.data / "hsm").exists()
            assert len(pkcs11_tool(token.configuration, token.pin, token.label, "-O").split("Secret Key Object")) == 2
            assert server.stop() == 0
            # The PIN in the environment instead, which is wiped from there.
            server.options = token.options
            server.environment["KMSD_HSM_PIN"] = token.pin
            server.start()
            keys.check()
            for name in ("environ", "cmdline"):
                assert token.pin.encode() not in pathlib.Path(f"/proc/{server.process.pid}/{name}").read_bytes(), name
            assert server.stop() == 0
            assert token.pin not in server.log


@check
def bad_settings_of_the_token_are_told():
    with OperatorsToken() as token:
        def checked(*options, environment=()):
            return subprocess.run([KMSD, "--check-config", "--data", "/nonexistent", *map(str, options)], capture_output=True,
                                  text=True, env={**os.environ, **dict(environment)}, timeout=60)

        good = [*token.options, "--hsm-pin-file", token.pin_file]
        assert checked(*good).returncode == 0
        assert checked(*token.options, environment={"KMSD_HSM_PIN": "1234"}).returncode == 0
        assert checked("--hsm", "none", "--hsm-module", MODULE).returncode == 0
        vendor = ["--hsm-sm4", "0x80000001:0x80000002:0x80000003", "--hsm-sm2", "0x80000004:5:6:7"]
        assert checked(*good, *vendor).returncode == 0
        for options, environment, told in (
                (token.options, {}, "PIN"), (good, {"KMSD_HSM_PIN": "1234"}, "not in both"),
                (["--hsm", "usb"], {}, "usb"), (["--hsm-module", MODULE], {}, "pkcs11"),
                (["--hsm", "pkcs11", "--hsm-module", MODULE], {}, "--hsm-token"),
                ([*good, "--hsm-sm4", "1:2"], {}, "KEYTYPE:KEYGEN:GCM"), ([*good, "--hsm-sm4", "1:2:0"], {}, "GCM"),
                ([*good, "--hsm-sm2", "1:2:3"], {}, "DECRYPT"), ([*good, "--hsm-sm2", "1:2:3:x"], {}, "sm2"), (vendor, {}, "pkcs11"),
                ([*good, "--hsm-sessions", "0"], {}, "sessions"), ([*good, "--hsm-sessions", "65"], {}, "sessions"),
                (["--hsm", "pkcs11", "--hsm-token", "x", "--hsm-module", "/nonexistent.so"], {}, "/nonexistent.so")):
            done = checked(*options, environment=environment)
            assert done.returncode != 0 and told in done.stderr + done.stdout, (options, done)
        for spoil, told in ((lambda: token.pin_file.chmod(0o640), "600"), (lambda: token.write_pin(""), "empty"),
                            (lambda: token.write_pin("x" * 300), "longer"), (token.pin_file.unlink, "cannot be read")):
            spoil()
            done = checked(*good)
            assert done.returncode != 0 and told in done.stderr, done
        file = token.folder / "kmsd.conf"
        token.write_pin(token.pin)
        file.write_text(f'data = "/nonexistent"\nhsm = "pkcs11"\nhsm-module = "{MODULE}"\nhsm-token = "{token.label}"\n'
                        f'hsm-pin-file = "{token.pin_file}"\n')
        assert subprocess.run([KMSD, "--check-config", "--config", str(file)], timeout=60).returncode == 0


if __name__ == "__main__":
    need_token()
    run_checks()
