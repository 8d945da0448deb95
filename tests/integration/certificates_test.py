#!/usr/bin/env python3
"""Certificates, with openssl(1) as the CA outside and as the reader of what comes out.

  certificates_test.py KMSD KMSCTL [NAME]
"""
import base64
import subprocess
import sys
import time

from certificate_site import COMPUTE, MANAGE, PASS, Site
from harness import b64, check, run_checks
from outside_ca import ID, openssl

KMSD, KMSCTL = sys.argv[1], sys.argv[2]


def life(sm2):
    with Site(KMSD, sm2) as s:
        made = s.create()
        named = dict(certificateId=made["certificateId"])
        text = openssl("req", "-noout", "-subject", "-text", *s.ca.reading, "-verify", stdin=made["csr"].encode())
        assert b"DNS:www.example.com" in text and b"IP Address:192.0.2.1" in text, text
        certificate = s.activate(made)

        got = s.call("getCertificate", **named)
        assert got["certificate"] == certificate and got["certificateChain"] == s.ca.chain, got
        described = s.call("describeCertificate", **named)
        assert described["status"] == 2 and described["subject"] == "CN=www.example.com, O=Example, C=CN", described
        public_key = openssl("x509", "-pubkey", "-noout", stdin=certificate.encode()).decode()
        assert described["subjectPublicKey"] == public_key

        message = b"what openssl verifies"
        signature = s.sign(made["certificateId"], message)
        assert s.ca.verifies(public_key, message, signature)
        assert not s.ca.verifies(public_key, message + b"!", signature)

        exported = s.call("exportCertificatePrivatkey", passPhrase=PASS, exportFormat="PKCS12", **named)
        s.ca.at("out.p12").write_bytes(base64.b64decode(exported["pkcs12Blob"]))
        opened = openssl("pkcs12", "-in", s.ca.at("out.p12"), "-passin", f"pass:{PASS}", "-nodes")
        assert opened.count(b"BEGIN CERTIFICATE") == 3, opened
        assert openssl("pkey", "-pubout", stdin=opened).decode() == public_key
        assert openssl("pkey", "-pubout", "-passin", f"pass:{PASS}",
                       stdin=exported["privateKey"].encode()).decode() == public_key
        assert openssl("pkcs12", "-in", s.ca.at("out.p12"), "-passin", "pass:wrong one", "-nodes", ok=False) == b""

        # Renewed under its id, by the same request.
        renewed = s.activate(made, days=400)
        assert renewed != certificate and s.call("getCertificate", **named)["certificate"] == renewed
        assert s.ca.verifies(public_key, message, s.sign(made["certificateId"], message))

        s.call("updateCertificateStatus", status="INACTIVE", **named)
        s.refused("KMS.0902", "certificatePrivateKeySign", COMPUTE, algorithm=s.algorithm, message="aGk=", **named)
        s.call("updateCertificateStatus", status="REVOKED", **named)
        s.refused("KMS.0902", "updateCertificateStatus", status="ACTIVE", **named)
        s.call("deleteCertificate", **named)
        s.refused("KMS.0901", "describeCertificate", **named)


def moves_in(sm2):
    with Site(KMSD, sm2) as s:
        s.ca.new_key("mine")
        openssl("req", "-new", "-key", s.ca.at("mine.key"), "-subj", "/C=CN/CN=mine", *s.ca.signing,
                "-out", s.ca.at("mine.csr"))
        s.ca.issue(s.ca.at("mine.csr").read_text(), "mine")
        s.ca.at("chain.pem").write_text(s.ca.chain)
        # RC2 needs OpenSSL's legacy provider, which not every machine has.
        for legacy in ([], ["-legacy"]):
            done = subprocess.run(
                ["openssl", "pkcs12", "-export", *legacy, "-inkey", s.ca.at("mine.key"), "-in", s.ca.at("mine.pem"),
                 "-certfile", s.ca.at("chain.pem"), "-passout", f"pass:{PASS}", "-out", s.ca.at("in.p12")],
                capture_output=True)
            if legacy and done.returncode != 0:
                continue
            assert done.returncode == 0, done.stderr
            blob = b64(s.ca.at("in.p12").read_bytes())
            s.refused("KMS.0905", "importCertificateByPKCS12", passPhrase="wrong one", pkcs12Blob=blob,
                      protectionLevel="1")
            made = s.call("importCertificateByPKCS12", passPhrase=PASS, pkcs12Blob=blob, protectionLevel="1")
            public_key = openssl("pkey", "-in", s.ca.at("mine.key"), "-pubout").decode()
            assert s.ca.verifies(public_key, b"hello", s.sign(made["certificateId"], b"hello"))
            s.refused("KMS.0904", "exportCertificatePrivateKey", certificateId=made["certificateId"], passPhrase=PASS,
                      exportFormat="PKCS12")


@check
def an_rsa_certificate_lives():
    life(False)


@check
def an_sm2_certificate_lives():
    life(True)


@check
def an_rsa_key_moves_in():
    moves_in(False)


@check
def an_sm2_key_moves_in():
    moves_in(True)


@check
def what_openssl_encrypts_is_decrypted():
    with Site(KMSD, False) as s:
        made = s.create()
        s.ca.at("cert").write_text(s.activate(made))
        sealed = openssl("pkeyutl", "-encrypt", "-certin", "-inkey", s.ca.at("cert"), "-pkeyopt",
                         "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", stdin=b"a secret")
        opened = s.call("certificatePrivateKeyDecrypt", COMPUTE, certificateId=made["certificateId"],
                        algorithm="RSAES_OAEP_SHA_256", ciphertextBlob=b64(sealed))
        assert opened["plaintext"] == b64(b"a secret"), opened


@check
def a_usb_key_is_verified_and_revoked():
    with Site(KMSD, True) as s:
        s.ca.new_key("usb")
        openssl("req", "-new", "-key", s.ca.at("usb.key"), "-subj", "/C=CN/CN=usb", *s.ca.signing,
                "-out", s.ca.at("usb.csr"))
        certificate = s.ca.issue(s.ca.at("usb.csr").read_text(), "usb")
        wanted = dict(algorithm="SM2", ukName="a key", cert=certificate, certificateChain=s.ca.chain)
        made = s.call("importCertificateForUK", **wanted)
        s.ca.at("message").write_bytes(b"login")
        signature = openssl("dgst", "-sm3", "-sigopt", ID, "-sign", s.ca.at("usb.key"), s.ca.at("message"))
        verified = s.call("certificatePublicKeyVerifyForUsbKey", COMPUTE, certificateId=made["ukId"], algorithm="SM2",
                          message=b64(b"login"), signatureValue=b64(signature))
        assert verified["signatureValid"] is True and verified["ukId"] == made["ukId"], verified

        s.ca.at("index").write_text("")
        s.ca.at("number").write_text("01\n")
        s.ca.at("ca.conf").write_text(
            f"[ca]\ndefault_ca=c\n[c]\ndatabase={s.ca.at('index')}\ncrlnumber={s.ca.at('number')}\n"
            "default_md=sm3\ndefault_crl_days=30\n")
        of_ca = ["ca", "-config", s.ca.at("ca.conf"), "-keyfile", s.ca.at("middle.key"), "-cert",
                 s.ca.at("middle.pem"), "-sigopt", ID]
        openssl(*of_ca, "-revoke", s.ca.at("usb.pem"))
        openssl(*of_ca, "-gencrl", "-out", s.ca.at("crl.pem"))
        crl = openssl("crl", "-in", s.ca.at("crl.pem"), "-outform", "DER")
        revoked = s.call("importCertificateForUK", certCrl=b64(crl), **wanted)
        assert s.call("describeCertificateForUk", certificateId=revoked["ukId"])["status"] == 4
        s.refused("KMS.0902", "certificatePublicKeyVerifyForUsbKey", COMPUTE, certificateId=revoked["ukId"],
                  algorithm="SM2", message="aGk=", signatureValue=b64(signature))


@check
def what_expires_is_listed_and_counted():
    with Site(KMSD, True) as s:
        soon, late, pending = s.create(), s.create(), s.create()
        s.activate(soon, days=10)
        s.activate(late, days=90)
        out = subprocess.run(
            [KMSCTL, "--credentials", str(s.server.data / "root-credentials.json"), "--endpoint",
             f"http://127.0.0.1:{s.server.port}", "certificate", "list", "--expiring", "30d"],
            capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        assert soon["certificateId"] in out.stdout, out.stdout
        for other in (late, pending):
            assert other["certificateId"] not in out.stdout, out.stdout
        # Counted once a minute, and at the start.
        s.client.close()
        s.server.stop()
        s.server.start()
        for _ in range(50):
            status, metrics = s.client.raw("GET", "/metrics", {})
            if b"\nkms_certificates_expiring 1\n" in metrics:
                return
            time.sleep(0.1)
        raise AssertionError(metrics.decode())


@check
def a_restart_forgets_nothing():
    with Site(KMSD, False) as s:
        made = s.create()
        s.client.close()
        s.server.stop()
        s.server.start()
        certificate = s.activate(made)
        public_key = openssl("x509", "-pubkey", "-noout", stdin=certificate.encode()).decode()
        assert s.ca.verifies(public_key, b"x", s.sign(made["certificateId"], b"x"))
        assert PASS not in s.server.log


if __name__ == "__main__":
    run_checks()
