"""Tokens, and keys of HSM level, for the tests from outside.

Tokens are SoftHSM's: kmsd's own, and ones that an operator would name. What they hold is told by pkcs11-tool.
"""
import base64
import glob
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import SKIP, Client, Refused, Skipped, b64

MODULE = next(iter(glob.glob("/usr/lib/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/*/softhsm/libsofthsm2.so")), None)
FAULT_MODULE = os.environ.get("KMS_FAULT_MODULE")


def has_token_tools():
    return bool(MODULE and shutil.which("pkcs11-tool"))


def skip_without_softhsm():
    if MODULE is None:
        raise Skipped("softhsm2 is not installed")


def skip_without_token_tools():
    if not has_token_tools():
        raise Skipped("softhsm2 or opensc is not installed")


def need_token():
    if not has_token_tools():
        print("softhsm2 or opensc is not installed")
        raise SystemExit(SKIP)


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
        self.pin, self.label, self.module = pin, "operators", MODULE
        (self.folder / "tokens").mkdir()
        self.configuration = self.folder / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {self.folder}/tokens\nobjectstore.backend = file\n")
        self.environment = {"SOFTHSM2_CONF": str(self.configuration)}
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", self.label, "--so-pin", "12345678", "--pin", pin],
                       env={**os.environ, **self.environment}, check=True, capture_output=True)
        self.pin_file = self.folder / "pin"
        self.write_pin(pin)

    def write_pin(self, pin, mode=0o600):
        self.pin_file.write_text(pin + "\n")
        self.pin_file.chmod(mode)

    @property
    def options(self):
        return ["--hsm", "pkcs11", "--hsm-module", self.module, "--hsm-token", self.label]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


class FaultyToken(OperatorsToken):
    """One behind a module that misbehaves on command (tests/pkcs11/fault_module/rules.h)."""

    def __init__(self):
        if not FAULT_MODULE:
            raise Skipped("KMS_FAULT_MODULE does not name the module")
        super().__init__()
        self.module = FAULT_MODULE
        self.environment.update(KMS_FAULT_FILE=str(self.folder / "rules"), KMS_FAULT_MODULE_TARGET=MODULE)

    def obey(self, *rules):
        """The rules from now on, instead of those before."""
        following = self.folder / "following"
        following.write_text("".join(rule + "\n" for rule in rules))
        following.rename(self.folder / "rules")


# ---------------------------------------------------------------- openssl(1), the other side
def openssl(*arguments, data=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


# How openssl says what the wrapping algorithms are.
PADDING = {
    "RSAES_PKCS1_V1_5": ["-pkeyopt", "rsa_padding_mode:pkcs1"],
    "RSAES_OAEP_SHA_1": ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha1"],
    "RSAES_OAEP_SHA_256": ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"],
}


def import_material(client, key, material, algorithm="RSAES_OAEP_SHA_256", expires=0):
    given = client.call("/v1/importKey/getParametersForImport", cmkUuid=key, wrappingAlgorithm=algorithm,
                        wrappingKeySpec="RSA_2048")
    with tempfile.NamedTemporaryFile() as public:
        public.write(base64.b64decode(given["publicKey"]))
        public.flush()
        wrapped = openssl("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", public.name, *PADDING[algorithm],
                          data=material)
    client.call("/v1/importKey/importKeyMaterial", cmkUuid=key, keyMaterialExpireUnix=str(int(expires)),
                importToken=given["importToken"], encryptedKeyMaterial=b64(wrapped))


# ---------------------------------------------------------------- keys
DOWN = (503, "KMS.0919")      # the token does not answer
NO_TOKEN = (500, "KMS.0505")  # there is none to create a key in


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

    def check_without_token(self, creation=DOWN):
        """Software keys compute, and keys of HSM level say why they do not; so does the `creation` of one."""
        client = Client(self.server)
        assert decrypt(client, self.blobs[self.software]) == self.software.encode()
        client.create_key()
        for key in self.symmetric:
            assert refusal(encrypt, client, key) == DOWN
            assert refusal(decrypt, client, self.blobs[key]) == DOWN
            assert client.describe(key)["status"] == 1
        for key, algorithm in self.signing:
            which = dict(cmkUuid=key, keyVersionId=version(client, key), algorithm=algorithm, digest=b64(b"\5" * 32))
            assert refusal(client.call, "/v1/asymmetric/asymmetricSign", **which) == DOWN
        for key, algorithm in self.decrypting:
            which = dict(cmkUuid=key, keyVersionId=version(client, key), algorithm=algorithm)
            assert refusal(client.call, "/v1/asymmetric/asymmetricDecrypt", ciphertextBlob=b64(bytes(256)), **which) == DOWN
        for spec in ("AES_256", "Ctyun_SM4", "RSA_2048", "Ctyun_SM2"):
            assert refusal(client.create_key, protectionLevel="0", keySpec=spec) == creation, spec
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


def timed(fn, *arguments):
    """The answer, and after how many seconds it came."""
    began = time.monotonic()
    answer = fn(*arguments)
    return answer, time.monotonic() - began


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
