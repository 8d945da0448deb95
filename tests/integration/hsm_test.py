#!/usr/bin/env python3
"""kmsd with a token: its own SoftHSM, and one that the operator names. What lives where, and what keys of HSM
level can do.

  hsm_test.py KMSD KMSCTL [NAME]
"""
import base64
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

from harness import Client, Server, b64, check, eventually, run_checks
from hsm_harness import (MODULE, PADDING, Keys, OperatorsToken, decrypt, encrypt, gauge, import_material, messages, need_token,
                         objects, openssl, pkcs11_tool, refusal, version)
from outside_ca import Ca

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
def certificates_have_keys_of_hsm_level():
    with Server(KMSD) as server, tempfile.TemporaryDirectory() as folder:
        server.start()
        client = Client(server)
        manage, compute = "/v1/manageCertificate/", "/v1/certificateCompute/"
        signed = []
        for sm2 in (False, True):
            (pathlib.Path(folder) / str(sm2)).mkdir()
            ca = Ca(pathlib.Path(folder) / str(sm2), sm2)
            spec, algorithm = ("SM2", "SM2") if sm2 else ("RSA_2048", "RSA_PSS_SHA_256")
            wanted = dict(keySpec=spec, subject="CN=www,C=CN", exportablePrivateKey=0, protectionLevel="0")
            assert refusal(client.call, manage + "createCertificate",
                           **{**wanted, "exportablePrivateKey": 1}) == (400, "KMS.0904")
            made = client.call(manage + "createCertificate", **wanted)
            certificate = ca.issue(made["csr"], "leaf")
            client.call(manage + "importCertificate", certificateId=made["certificateId"], certificate=certificate,
                        certificateChain=ca.chain)
            # And a key pair from outside.
            ca.new_key("mine")
            (ca.folder / "mine.pem").write_bytes(openssl("req", "-x509", "-key", ca.at("mine.key"), "-subj",
                                                         "/C=CN/CN=mine", *ca.signing))
            file = openssl("pkcs12", "-export", "-inkey", ca.at("mine.key"), "-in", ca.at("mine.pem"), "-passout",
                           "pass:correct horse")
            moved = client.call(manage + "importCertificateByPKCS12", passPhrase="correct horse",
                                pkcs12Blob=b64(file), protectionLevel="0")
            for of in (made, moved):
                described = client.call(manage + "describeCertificate", certificateId=of["certificateId"])
                assert described["protectionLevel"] == "0", described
                signed.append((ca, of["certificateId"], algorithm))
        assert len(client.call(compute + "getRandom", randomDataLength=32, protectLevel="0")["randomData"]) == 64
        client.close()
        server.stop(signal.SIGKILL)
        server.start()
        for ca, certificate_id, algorithm in signed:
            public_key = client.call(manage + "describeCertificate", certificateId=certificate_id)["subjectPublicKey"]
            made = client.call(compute + "certificatePrivateKeySign", certificateId=certificate_id, algorithm=algorithm,
                               message=b64(b"hello"))
            assert ca.verifies(public_key, b"hello", base64.b64decode(made["signatureValue"]))
            client.call(manage + "deleteCertificate", certificateId=certificate_id)
        client.close()
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


@check
def imported_material_rests_nowhere_in_clear():
    with Server(KMSD, options=["--log-level", "trace"]) as server:
        server.start()
        client = Client(server)
        materials = []
        for algorithm in PADDING:
            key = client.create_key(protectionLevel="0", origin="EXTERNAL")
            materials.append(os.urandom(32))
            import_material(client, key, materials[-1], algorithm)
            assert decrypt(client, encrypt(client, key)) == key.encode()
        client.close()
        assert server.stop() == 0

        # In base64 it may begin at each of three places; what its neighbours change is left out.
        spellings = lambda material: [material, material.hex().encode(), material.hex().upper().encode(),
                                      *(base64.b64encode(bytes(before) + material)[4 if before else 0:40]
                                        for before in range(3))]
        found_in = lambda material: [path for path in [server.folder / "log", *server.data.rglob("*")] if path.is_file()
                                     and any(spelling in path.read_bytes() for spelling in spellings(material))]
        for material in materials:
            assert not found_in(material), found_in(material)
        # The search itself finds what there is.
        trap = server.data / "hsm" / "trap"
        for wrapped in (materials[0], materials[0].hex().upper().encode(), base64.b64encode(b"xy" + materials[0] + b"z")):
            trap.write_bytes(b"before" + wrapped + b"after")
            assert found_in(materials[0]) == [trap]


# ---------------------------------------------------------------- what keys can do, with openssl on the other side
SYMMETRIC = ("AES_256", "Ctyun_SM4")


def hsm_key(client, spec, usage="1", **more):
    return client.create_key(protectionLevel="0", keySpec=spec, keyUsage=usage, **more)


class KeyPair:
    """One version of a key pair, and its public key as openssl reads it."""

    def __init__(self, server, client, key, of_version=None):
        self.client = client
        self.which = dict(cmkUuid=key, keyVersionId=of_version or version(client, key))
        self.public = server.folder / self.which["keyVersionId"]
        self.public.write_text(client.call("/v1/asymmetric/getPublicKey", **self.which)["publicKey"])

    def call(self, operation, **more):
        return self.client.call("/v1/asymmetric/" + operation, **self.which, **more)

    def sign(self, algorithm, digest):
        return base64.b64decode(self.call("asymmetricSign", algorithm=algorithm, digest=b64(digest))["value"])

    def verifies(self, algorithm, digest, signature):
        said = self.call("asymmetricVerify", algorithm=algorithm, digest=b64(digest), value=b64(signature))["value"]
        assert said in ("true", "false", True, False), said
        return said in ("true", True)

    def decrypt(self, algorithm, ciphertext):
        opened = self.call("asymmetricDecrypt", algorithm=algorithm, ciphertextBlob=b64(ciphertext))
        return base64.b64decode(opened["plaintext"])


@check
def data_keys_come_out_as_they_went_in():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        private, public = server.folder / "private", server.folder / "public"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private)
        openssl("pkey", "-in", private, "-pubout", "-out", public)
        call = lambda operation, **more: client.call("/v1/keyCompute/" + operation, **more)
        for spec in SYMMETRIC:
            key = hsm_key(client, spec)
            for size, wanted in ((32, {}), (16, {"keySpec": "AES_128"}), (100, {"numberOfBytes": "100"})):
                made = call("generateDataKey", cmkUuid=key, **wanted)
                plain = base64.b64decode(made["plaintext"])
                assert len(plain) == size and decrypt(client, made["ciphertextBlob"]) == plain, (spec, wanted)
                sealed = call("generateDataKeyWithoutPlaintext", cmkUuid=key, **wanted)
                assert "plaintext" not in sealed and len(decrypt(client, sealed["ciphertextBlob"])) == size, sealed
            for algorithm in ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"):
                to = dict(publicKeyBlob=public.read_text(), wrappingAlgorithm=algorithm, wrappingKeySpec="RSA_2048")
                unwrap = lambda answer: openssl("pkeyutl", "-decrypt", "-inkey", private, *PADDING[algorithm],
                                                data=base64.b64decode(answer["exportedDataKey"]))
                assert unwrap(call("exportDataKey", ciphertextBlob=made["ciphertextBlob"], **to)) == plain, (spec, algorithm)
                exported = call("generateAndExportDataKey", cmkUuid=key, **to)
                assert unwrap(exported) == decrypt(client, exported["ciphertextBlob"]), (spec, algorithm)
                assert "plaintext" not in exported
        assert server.stop() == 0


@check
def what_is_encrypted_moves_between_levels():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        plain = os.urandom(6144)
        keys = [client.create_key(), hsm_key(client, "AES_256"), hsm_key(client, "Ctyun_SM4"), client.create_key()]
        blob = client.call("/v1/keyCompute/encrypt", cmkUuid=keys[0], plaintext=b64(plain))["ciphertextBlob"]
        for source, destination in zip(keys, keys[1:]):
            moved = client.call("/v1/cmkManage/reEncrypt", ciphertextBlob=blob, destinationKeyId=destination)
            assert moved["cmkUuid"] == source, "the answer's key is the one that decrypted"
            blob = moved["ciphertextBlob"]
            opened = client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)
            assert opened["cmkUuid"] == destination and base64.b64decode(opened["plaintext"]) == plain
        # From a key pair as well.
        for spec, algorithm in (("RSA_2048", "RSAES_OAEP_SHA_256"), ("Ctyun_SM2", "SM2PKE")):
            pair = KeyPair(server, client, hsm_key(client, spec))
            sealed = pair.call("asymmetricEncrypt", algorithm=algorithm, plaintext=b64(b"text"))["ciphertextBlob"]
            moved = client.call("/v1/cmkManage/reEncrypt", ciphertextBlob=sealed, destinationKeyId=keys[1],
                                sourceKeyId=pair.which["cmkUuid"], sourceKeyVersionId=pair.which["keyVersionId"],
                                sourceEncryptionAlgorithm=algorithm)
            assert decrypt(client, moved["ciphertextBlob"]) == b"text"
        assert server.stop() == 0


@check
def old_versions_of_key_pairs_go_on_computing():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        signing = [(hsm_key(client, spec, "2"), algorithm)
                   for spec, algorithm in (("RSA_2048", "RSA_PSS_SHA_256"), ("Ctyun_SM2", "SM2DSA"))]
        decrypting = [(hsm_key(client, spec), algorithm)
                      for spec, algorithm in (("RSA_2048", "RSAES_OAEP_SHA_256"), ("Ctyun_SM2", "SM2PKE"))]
        seal = lambda pair, algorithm: base64.b64decode(
            pair.call("asymmetricEncrypt", algorithm=algorithm, plaintext=b64(b"text"))["ciphertextBlob"])
        digest = b"\5" * 32
        made = []
        for key, algorithm in signing + decrypting:
            old = KeyPair(server, client, key)
            what = old.sign(algorithm, digest) if (key, algorithm) in signing else seal(old, algorithm)
            new = client.call("/v1/versionControl/createKeyVersion", cmkUuid=key)["keyVersionId"]
            made.append((old, KeyPair(server, client, key, new), algorithm, what))
            assert old.public.read_text() != made[-1][1].public.read_text()
        for restart in (False, True):
            if restart:
                client.close()
                assert server.stop() == 0
                server.start()
            for old, new, algorithm, what in made[:2]:
                assert old.verifies(algorithm, digest, what) and not new.verifies(algorithm, digest, what), algorithm
                assert new.verifies(algorithm, digest, new.sign(algorithm, digest)), algorithm
            for old, new, algorithm, what in made[2:]:
                assert old.decrypt(algorithm, what) == b"text"
                assert new.decrypt(algorithm, seal(new, algorithm)) == b"text"
                assert refusal(new.decrypt, algorithm, what) == (400, "KMS.0219"), algorithm
        assert len(objects(server)) == 1
        assert server.stop() == 0


@check
def material_of_ones_own_comes_goes_and_comes_back():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        for algorithm in PADDING:
            key = hsm_key(client, "AES_256", origin="EXTERNAL")
            assert refusal(encrypt, client, key) == (400, "KMS.0206"), "it has no material yet"
            material = os.urandom(32)
            import_material(client, key, material, algorithm)
            blob = encrypt(client, key)
            client.call("/v1/importKey/deleteKeyMaterial", cmkUuid=key)
            assert client.describe(key)["status"] == 3
            assert refusal(encrypt, client, key) == refusal(decrypt, client, blob) == (400, "KMS.0206")
            # A padding that can be felt for gets one answer to everything.
            another, short = ("KMS.0219", "KMS.0219") if algorithm == "RSAES_PKCS1_V1_5" else ("KMS.0926", "KMS.0220")
            assert refusal(import_material, client, key, os.urandom(32), algorithm) == (400, another)
            assert refusal(import_material, client, key, material[:31], algorithm) == (400, short)
            import_material(client, key, material, algorithm)
            assert decrypt(client, blob) == key.encode(), algorithm
        assert len(objects(server)) == 1
        assert server.stop() == 0


@check
def signatures_verify_with_openssl():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        message, signature = server.folder / "message", server.folder / "signature"
        message.write_bytes(b"message digest")
        pair = KeyPair(server, client, hsm_key(client, "RSA_2048", "2"))
        digest = hashlib.sha256(message.read_bytes()).digest()
        for algorithm, padding in (("RSA_PSS_SHA_256", ["rsa_padding_mode:pss", "rsa_pss_saltlen:32"]),
                                   ("RSA_PKCS1_SHA_256", ["rsa_padding_mode:pkcs1"])):
            signature.write_bytes(pair.sign(algorithm, digest))
            options = [word for option in padding for word in ("-sigopt", option)]
            openssl("dgst", "-sha256", "-verify", pair.public, "-signature", signature, *options, message)
            assert pair.verifies(algorithm, digest, signature.read_bytes())
            assert not pair.verifies(algorithm, bytes(32), signature.read_bytes())
        pair = KeyPair(server, client, hsm_key(client, "Ctyun_SM2", "2"))
        digest = sm2_digest(pair.public, message.read_bytes())
        signature.write_bytes(pair.sign("SM2DSA", digest))
        openssl("pkeyutl", "-verify", "-pubin", "-inkey", pair.public, "-in", message, "-sigfile", signature, "-rawin", "-digest",
                "sm3", "-pkeyopt", "distid:1234567812345678")
        assert pair.verifies("SM2DSA", digest, signature.read_bytes())
        assert not pair.verifies("SM2DSA", bytes(32), signature.read_bytes())
        assert server.stop() == 0


# GB/T 32918: a, b and the generator of sm2p256v1.
SM2_CURVE = bytes.fromhex(
    "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
    "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0")


def sm2_digest(public, message):
    """SM3 over who signs, and the message: what an SM2 signature is of."""
    sm3 = lambda data: openssl("dgst", "-sm3", "-binary", data=data)
    point = openssl("pkey", "-pubin", "-in", public, "-outform", "DER")[-64:]
    identity = b"1234567812345678"
    return sm3(sm3((8 * len(identity)).to_bytes(2, "big") + identity + SM2_CURVE + point) + message)


def read_der(data):
    """The elements of a DER text that follow one another: (tag, content)."""
    found = []
    while data:
        size, head = data[1], 2
        if size & 0x80:
            head += size & 0x7F
            size = int.from_bytes(data[2:head], "big")
        found.append((data[0], data[head:head + size]))
        data = data[head + size:]
    return found


def write_der(tag, content):
    assert len(content) < 0x100
    return bytes([tag]) + (bytes([0x81]) if len(content) > 0x7F else b"") + bytes([len(content)]) + content


@check
def each_spelling_of_an_sm2_ciphertext_opens():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        pair = KeyPair(server, client, hsm_key(client, "Ctyun_SM2"))
        unlike = 0
        # Numbers are spelt alike unless their first bit is set, which each coordinate's is every other time.
        for _ in range(8):
            der = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", pair.public, data=b"text")
            [(_, sequence)] = read_der(der)
            (_, x), (_, y), (_, digest), (_, masked) = read_der(sequence)
            x, y = (int.from_bytes(number, "big").to_bytes(32, "big") for number in (x, y))
            parts = [(2, x), (2, y), (4, digest), (4, masked)]
            unpadded = write_der(0x30, b"".join(write_der(tag, content) for tag, content in parts))
            unlike += unpadded != der
            for spelling in (der, unpadded, b"\4" + x + y + digest + masked):
                assert pair.decrypt("SM2PKE", spelling) == b"text", spelling.hex()
                assert pair.decrypt("SM2", spelling) == b"text", spelling.hex()
                assert refusal(pair.decrypt, "SM2PKE", spelling[:-1]) == (400, "KMS.0219")
        assert unlike
        assert server.stop() == 0


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
def the_log_says_how_fast_the_token_is_before_it_serves():
    with Server(KMSD, options=["--hsm-sessions", "4"]) as server:
        server.start()
        # The port is open a moment before the log says so.
        eventually(lambda: any(m.startswith("serving on ") for m in messages(server)), 10)
        said = messages(server)
        before = said[:next(i for i, m in enumerate(said) if m.startswith("serving on "))]
        pattern = re.compile(r"the token makes (\d+) small AES messages or (\d+) RSA signatures a second with (\d) sessions?")
        measured = [match for match in map(pattern.fullmatch, before) if match]
        assert [int(match[3]) for match in measured] == [1, 2, 4], before
        assert all(int(match[1]) > 0 and int(match[2]) > 0 for match in measured), before
        assert server.stop() == 0


@check
def the_pin_is_never_on_a_command_line():
    with OperatorsToken() as token, Server(KMSD) as server:
        refused = lambda *options: subprocess.run([KMSD, "--check-config", "--data", server.data, *options],
                                                  capture_output=True, text=True, timeout=60)
        for options in (["--hsm-pin", "1234"], ["--hsm-pin=1234"]):
            done = refused(*token.options, *options)
            assert done.returncode != 0 and "not expected" in done.stderr, done
        # Nor in the file of options, which may be read by more people than the PIN's.
        file = token.folder / "kmsd.conf"
        file.write_text('hsm-pin = "1234"\n')
        done = refused(*token.options, "--hsm-pin-file", token.pin_file, "--config", file)
        assert done.returncode != 0 and "hsm-pin" in done.stderr, done
        file.write_text("")
        assert refused(*token.options, "--hsm-pin-file", token.pin_file, "--config", file).returncode == 0

        def shown():
            folder = pathlib.Path(f"/proc/{server.process.pid}")
            return (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes() + server.log.encode()

        server.start()
        for name in ("pin", "so-pin"):
            assert (server.data / "hsm" / name).read_bytes().strip() not in shown(), name
        assert server.stop() == 0
        server.data = server.folder / "named"
        server.options = [*token.options, "--hsm-pin-file", str(token.pin_file)]
        server.environment = token.environment
        server.start()
        assert token.pin.encode() not in shown()
        assert server.stop() == 0


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
