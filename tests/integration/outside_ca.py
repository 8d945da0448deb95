"""openssl(1) as the CA outside of the KMS: two levels deep, for RSA and for SM2."""
import pathlib
import subprocess

# The default identity of SM2 (GM/T 0015).
ID = "distid:1234567812345678"


def openssl(*arguments, stdin=b"", ok=True):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True)
    assert not ok or done.returncode == 0, f"openssl {arguments}: {done.stderr.decode()}"
    return done.stdout


class Ca:
    """A root and an intermediate CA in a folder of their own."""

    def __init__(self, folder, sm2, days=90):
        self.folder, self.sm2 = pathlib.Path(folder), sm2
        self.signing = ["-sm3", "-sigopt", ID] if sm2 else ["-sha256"]
        self.reading = ["-vfyopt", ID] if sm2 else []
        for name in ("root", "middle"):
            self.new_key(name)
            openssl("req", "-new", "-key", self.at(f"{name}.key"), "-subj", f"/C=CN/O=Test/CN={name}",
                    *self.signing, "-out", self.at(f"{name}.csr"))
        for name, issuer in (("root", None), ("middle", "root")):
            self.issue(self.at(f"{name}.csr").read_text(), name, issuer or name, days=days, self_signed=issuer is None,
                       extensions="basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                                  "subjectKeyIdentifier=hash\n")
        self.chain = self.at("middle.pem").read_text() + self.at("root.pem").read_text()

    def at(self, name):
        return self.folder / name

    def new_key(self, name):
        kind = (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2"] if self.sm2
                else ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        openssl("genpkey", *kind, "-out", self.at(f"{name}.key"))

    def issue(self, request, name, issuer="middle", days=90, self_signed=False, extensions="keyUsage=digitalSignature\n"):
        """The certificate for a request, which openssl has verified."""
        self.at(f"{name}.csr").write_text(request)
        self.at("ext").write_text(extensions)
        by = (["-key", self.at(f"{issuer}.key")] if self_signed
              else ["-CA", self.at(f"{issuer}.pem"), "-CAkey", self.at(f"{issuer}.key"), "-CAcreateserial"])
        openssl("x509", "-req", "-in", self.at(f"{name}.csr"), *self.reading, *by, *self.signing, "-days", days,
                "-extfile", self.at("ext"), "-out", self.at(f"{name}.pem"))
        return self.at(f"{name}.pem").read_text()

    def verifies(self, public_key, message, signature):
        self.at("pub").write_text(public_key)
        self.at("message").write_bytes(message)
        self.at("signature").write_bytes(signature)
        how = (["-sm3", "-sigopt", ID] if self.sm2
               else ["-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"])
        out = openssl("dgst", *how, "-verify", self.at("pub"), "-signature", self.at("signature"),
                      self.at("message"), ok=False)
        return b"Verified OK" in out
