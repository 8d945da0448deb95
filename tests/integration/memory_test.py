#!/usr/bin/env python3
"""What stays in kmsd's memory of secrets that went through it: nothing.

  memory_test.py KMSD KMSCTL [NAME]

Reads the memory of a running kmsd, as root can. That it finds what is there is shown with a body that is on its way.
"""
import base64
import os
import re
import socket
import subprocess
import sys
import time

from certificate_site import PASS, Site
from harness import SKIP, Client, Server, b64, check, eventually, run_checks
from hsm_harness import PADDING, import_material
from outside_ca import openssl

KMSD = sys.argv[1]
ROUNDS = 5
# Whatever begins a secret may be overwritten by the allocator's own, once it is freed.
SKIPPED = 16


def count(server, *secrets):
    """How often each secret stands, in part, in what the process has written to."""
    wanted = [secret[SKIPPED:SKIPPED + 16] for secret in secrets]
    assert all(len(part) == 16 for part in wanted)
    found = [0] * len(wanted)
    pid = server.process.pid
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights, *rest = line.split()
            if not rights.startswith("rw") or rest[-1].endswith(".mdb"):
                continue
            begin, end = (int(place, 16) for place in span.split("-"))
            memory.seek(begin)
            try:
                content = memory.read(end - begin)
            except OSError:
                continue          # given back meanwhile
            found = [times + content.count(part) for times, part in zip(found, wanted)]
    return found


@check
def what_is_there_is_found():
    with Server(KMSD) as server:
        server.start()
        body = os.urandom(30).hex().encode()
        with socket.create_connection(("127.0.0.1", server.port)) as half:
            half.sendall(b"POST /v1/keyCompute/encrypt HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + body)
            eventually(lambda: count(server, body) > [0], 10)
        eventually(lambda: count(server, body) == [0], 10)


def gone(server, **secrets):
    """They are, once kmsd has ended what it does after an answer."""
    end = time.monotonic() + 5
    while any(left := count(server, *secrets.values())):
        assert time.monotonic() < end, f"how often in memory: {dict(zip(secrets, left))}"


@check
def plaintext_and_data_keys_leave_nothing():
    for tls in (False, True):
        with Server(KMSD, tls=tls) as server:
            server.start()
            client = Client(server)
            key = client.create_key()
            for _ in range(ROUNDS):
                text = os.urandom(64)
                blob = client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(text))["ciphertextBlob"]
                assert base64.b64decode(client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"]) == text
                data_key = client.call("/v1/keyCompute/generateDataKey", cmkUuid=key, numberOfBytes=64)["plaintext"]
                # Their Base64 in the bodies of requests and answers is as good as they are.
                gone(server, plaintext=text, in_base64=b64(text).encode(), data_key=base64.b64decode(data_key),
                     data_key_in_base64=data_key.encode())
            client.close()


@check
def imported_material_leaves_nothing():
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        for algorithm in PADDING:
            material = os.urandom(32)
            import_material(client, client.create_key(origin="EXTERNAL"), material, algorithm)
            gone(server, material=material)
        client.close()


@check
def private_keys_that_come_and_go_leave_nothing():
    with Site(KMSD, False) as s:
        s.ca.new_key("mine")
        openssl("req", "-new", "-key", s.ca.at("mine.key"), "-subj", "/C=CN/CN=mine", "-out", s.ca.at("mine.csr"))
        s.ca.issue(s.ca.at("mine.csr").read_text(), "mine")
        s.ca.at("chain.pem").write_text(s.ca.chain)
        phrase = "a pass phrase that is long enough to be looked for"
        subprocess.run(["openssl", "pkcs12", "-export", "-inkey", s.ca.at("mine.key"), "-in", s.ca.at("mine.pem"),
                        "-certfile", s.ca.at("chain.pem"), "-passout", f"pass:{phrase}", "-out", s.ca.at("in.p12")],
                       check=True, capture_output=True)
        s.call("importCertificateByPKCS12", passPhrase=phrase, pkcs12Blob=b64(s.ca.at("in.p12").read_bytes()),
               protectionLevel="1")
        p, q = primes(s.ca.at("mine.key"))
        gone(s.server, p=p, q=q, pass_phrase=phrase.encode())

        made = s.create()
        s.activate(made)
        taken = s.call("exportCertificatePrivatkey", certificateId=made["certificateId"], passPhrase=PASS,
                       exportFormat="PKCS12")
        s.ca.at("out.key").write_bytes(openssl("pkey", "-passin", f"pass:{PASS}", stdin=taken["privateKey"].encode()))
        p, q = primes(s.ca.at("out.key"))
        gone(s.server, p=p, q=q)


def primes(file):
    text = openssl("rsa", "-in", file, "-noout", "-text").decode()
    found = [bytes.fromhex(re.sub("[^0-9a-f]", "", digits)).lstrip(b"\0")
             for digits in re.findall(r"prime[12]:((?:\n +[0-9a-f:]+)+)", text)]
    assert len(found) == 2
    return found


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("only root reads the memory of kmsd")
        sys.exit(SKIP)
    run_checks()
