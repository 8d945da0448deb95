#!/usr/bin/env python3
"""kmsd with a token: its own SoftHSM, and one that the operator names. What lives where, what is told when
the token is away, and that it comes back.

  hsm_test.py KMSD KMSCTL [NAME]
"""
import base64
import glob
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from harness import Client, Refused, Server, b64, eventually

KMSD, KMSCTL = sys.argv[1], sys.argv[2]
SKIP = 77
MODULE = next(iter(glob.glob("/usr/lib/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/*/softhsm/libsofthsm2.so")), None)
CHECKS = []


def check(fn):
    CHECKS.append(fn)
    return fn


# ---------------------------------------------------------------- the token, seen from outside
def pkcs11_tool(configuration, pin, label, *arguments):
    environment = {**os.environ, "SOFTHSM2_CONF": str(configuration), "TOKEN_PIN": pin}
    done = subprocess.run(["pkcs11-tool", "--module", MODULE, "--token-label", label, "--login", "--pin", "env:TOKEN_PIN",
                           *arguments], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def own_token(server, *arguments):
    hsm = server.data / "hsm"
    return pkcs11_tool(hsm / "softhsm2.conf", (hsm / "pin").read_text().strip(), "libkms", *arguments)


def objects(server):
    """What the token holds: for each object its lines."""
    found = []
    for line in own_token(server, "-O").splitlines():
        if line.rstrip().split(";")[0].endswith("Object"):
            found.append([line])
        elif found and line.startswith("  "):
            found[-1].append(line)
    return ["\n".join(lines) for lines in found]


class OperatorsToken:
    """A token that is not kmsd's own."""

    def __init__(self, pin="operators-pin-1234"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="operators-token-"))
        self.pin, self.label = pin, "operators"
        (self.folder / "tokens").mkdir()
        self.configuration = self.folder / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {self.folder}/tokens\nobjectstore.backend = file\n")
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", self.label, "--so-pin", "12345678", "--pin", pin],
                       env={**os.environ, "SOFTHSM2_CONF": str(self.configuration)}, check=True, capture_output=True)
        self.pin_file = self.folder / "pin"
        self.write_pin(pin)

    def write_pin(self, pin, mode=0o600):
        self.pin_file.write_text(pin + "\n")
        self.pin_file.chmod(mode)

    @property
    def environment(self):
        return {"SOFTHSM2_CONF": str(self.configuration)}

    @property
    def options(self):
        return ["--hsm", "pkcs11", "--hsm-module", MODULE, "--hsm-token", self.label]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


# ---------------------------------------------------------------- keys
class Keys:
    """Keys of all kinds at HSM level and one of software, and what was made with them."""

    def __init__(self, server):
        self.server = server
        client = Client(server)
        self.software = client.create_key()
        self.symmetric = [client.create_key(protectionLevel="0", keySpec=spec) for spec in ("AES_256", "Ctyun_SM4")]
        self.signing = [(client.create_key(protectionLevel="0", keySpec=spec, keyUsage="2"), algorithm)
                        for spec, algorithm in (("RSA_2048", "RSA_PSS_SHA_256"), ("Ctyun_SM2", "SM2DSA"))]
        self.decrypting = [(client.create_key(protectionLevel="0", keySpec=spec, keyUsage="1"), algorithm)
                           for spec, algorithm in (("RSA_2048", "RSAES_OAEP_SHA_256"), ("Ctyun_SM2", "SM2PKE"))]
        self.blobs = {key: encrypt(client, key) for key in [self.software, *self.symmetric]}
        client.close()

    def check(self):
        """Everything computes."""
        client = Client(self.server)
        for key, blob in self.blobs.items():
            assert decrypt(client, blob) == key.encode()
            assert decrypt(client, encrypt(client, key)) == key.encode()
        for key, algorithm in self.signing:
            which = dict(cmkUuid=key, keyVersionId=version(client, key), algorithm=algorithm, digest=b64(b"\5" * 32))
            signature = client.call("/v1/asymmetric/asymmetricSign", **which)["value"]
            assert client.call("/v1/asymmetric/asymmetricVerify", value=signature, **which)["value"] in ("true", True)
        for key, algorithm in self.decrypting:
            which = dict(cmkUuid=key, keyVersionId=version(client, key), algorithm=algorithm)
            blob = client.call("/v1/asymmetric/asymmetricEncrypt", plaintext=b64(b"text"), **which)["ciphertextBlob"]
            assert client.call("/v1/asymmetric/asymmetricDecrypt", ciphertextBlob=blob, **which)["plaintext"] == b64(b"text")
        client.close()

    def check_without_token(self):
        """Software keys compute, and keys of HSM level say why they do not."""
        client = Client(self.server)
        assert decrypt(client, self.blobs[self.software]) == self.software.encode()
        client.create_key()
        for key in self.symmetric:
            assert refusal(encrypt, client, key) == (503, "KMS.0919")
            assert refusal(decrypt, client, self.blobs[key]) == (503, "KMS.0919")
            assert client.describe(key)["status"] == 1
        for key, algorithm in self.signing:
            which = dict(cmkUuid=key, keyVersionId=version(client, key), algorithm=algorithm, digest=b64(b"\5" * 32))
            assert refusal(client.call, "/v1/asymmetric/asymmetricSign", **which) == (503, "KMS.0919")
        # The token is away, or there is none.
        assert refusal(client.create_key, protectionLevel="0") in [(503, "KMS.0919"), (500, "KMS.0505")]
        client.close()


def encrypt(client, key):
    return client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(key.encode()))["ciphertextBlob"]


def decrypt(client, blob):
    return base64.b64decode(client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"])


def version(client, key):
    return client.call("/v1/versionControl/listKeyVersions", cmkUuid=key)["content"][0]["primaryKeyVersion"]


def refusal(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except Refused as e:
        return e.status, e.code
    return None


def readiness(server):
    client = Client(server)
    status, raw = client.raw("GET", "/readyz", {})
    client.close()
    return status, json.loads(raw)


def is_ready(server):
    return readiness(server)[0] == 200


def red_reason(server):
    """Why the token is not ready; None while it is."""
    status, page = readiness(server)
    if status == 200:
        return None
    assert status == 503 and page["parts"]["hsm"] == "down" and page["parts"]["store and root key"] == "up", page
    return page["reasons"]["hsm"]


def gauge(server, name):
    client = Client(server)
    text = client.raw("GET", "/metrics", {})[1].decode()
    client.close()
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


def messages(server):
    found = []
    for line in server.log.splitlines():
        try:
            found.append(json.loads(line).get("message", ""))
        except ValueError:
            pass
    return found


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
                        assert said in (None, (503, "KMS.0919")), said
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
        assert answered and None in refused and (503, "KMS.0919") in refused
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
        assert any(reason in m for m in messages(server)), server.log
        keys.check_without_token()
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
            assert refusal(client.create_key, protectionLevel="0") == (500, "KMS.0505")
            status, page = readiness(server)
            assert status == 200 and "hsm" not in page["parts"], page
            assert any("no token" in m for m in messages(server))
            assert not (server.data / "hsm").exists()
            assert server.stop() == 0
            # A token can come later.
            server.options = []
            server.start()
            Keys(server).check()


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


@check
def a_killed_first_start_is_finished():
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(12):
        with Server(KMSD) as server:
            for _ in range(5):
                previous = server.process

                def kill():
                    while server.process is previous:
                        time.sleep(0.001)
                    server.process.kill()

                timer = threading.Timer(rng.uniform(0.0, 0.35), kill)
                timer.start()
                try:
                    server.start()
                except RuntimeError as e:
                    assert "ended with -9" in str(e), e
                timer.join()
                server.process.wait(30)
            server.start()
            assert is_ready(server), readiness(server)
            keys = Keys(server)
            server.stop(signal.SIGKILL)
            server.start()
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


def main():
    if not MODULE or not shutil.which("pkcs11-tool"):
        print("softhsm2 or opensc is not installed")
        sys.exit(SKIP)
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    failed = 0
    for fn in CHECKS:
        if wanted not in fn.__name__:
            continue
        began = time.monotonic()
        try:
            fn()
            print(f"ok   {fn.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception as e:  # noqa: BLE001 - every check is run
            failed += 1
            import traceback
            traceback.print_exc()
            print(f"FAIL {fn.__name__}: {e}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
