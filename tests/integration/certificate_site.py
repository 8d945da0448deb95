"""A kmsd with certificates, a client of it, and a CA outside."""
import base64
import tempfile

from harness import Client, Refused, Server, b64
from outside_ca import Ca

MANAGE = "/v1/manageCertificate/"
COMPUTE = "/v1/certificateCompute/"
PASS = "correct horse"


class Site:
    """A server, a client, and a CA."""

    def __init__(self, kmsd, sm2):
        self.server = Server(kmsd)
        self.server.start()
        self.client = Client(self.server)
        self.folder = tempfile.TemporaryDirectory()
        self.ca = Ca(self.folder.name, sm2)
        self.spec = "SM2" if sm2 else "RSA_2048"
        self.algorithm = "SM2" if sm2 else "RSA_PSS_SHA_256"

    def call(self, operation, group=MANAGE, **parameters):
        return self.client.call(group + operation, **parameters)

    def create(self, **more):
        return self.call("createCertificate", **{**dict(
            keySpec=self.spec, subject="CN=www.example.com,C=CN,O=Example", exportablePrivateKey=1,
            protectionLevel="1", subjectAlternativeNames=["www.example.com", "192.0.2.1"]), **more})

    def activate(self, made, days=90):
        certificate = self.ca.issue(made["csr"], "leaf", days=days)
        self.call("importCertificate", certificateId=made["certificateId"], certificate=certificate,
                  certificateChain=self.ca.chain)
        return certificate

    def sign(self, certificate_id, message):
        made = self.call("certificatePrivateKeySign", COMPUTE, certificateId=certificate_id,
                         algorithm=self.algorithm, message=b64(message))
        return base64.b64decode(made["signatureValue"])

    def refused(self, code, *arguments, **parameters):
        try:
            self.call(*arguments, **parameters)
        except Refused as e:
            assert e.code == code, e
        else:
            raise AssertionError(f"{arguments} was not refused")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.__exit__()
        self.folder.cleanup()
