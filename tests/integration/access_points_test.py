#!/usr/bin/env python3
"""Access points as their clients meet them: the second signature scheme, its answers, and what is refused.

  access_points_test.py KMSD KMSCTL [NAME]
"""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys
import threading

from harness import Client, Refused, Server, b64, check, free_port, run_checks

KMSD, KMSCTL = sys.argv[1], sys.argv[2]
MANAGE = "/v1/applicationAccessPointManage/"
KEYS = "/v1/userAkControl/"
WHITELIST = "/v1/userEndpointControl/"
PLAIN = b64(b"hello")


def signed_text(value):
    """A member's value as it is signed."""
    if value is True or value is False:
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


class AppClient:
    """Signs by the scheme of access points, written here once more."""

    def __init__(self, server, access_key, secret_key, port=None):
        self.server, self.ak, self.sk, self.port = server, access_key, secret_key, port or server.port

    def headers(self, path, parameters, now=None):
        when = datetime.datetime.fromtimestamp(now or self.server.now(), datetime.timezone.utc)
        date = (when + datetime.timedelta(hours=8)).strftime("%a, %d %b %Y %H:%M:%S CST")
        values = {**parameters, "accessKey": self.ak}
        text = "\n".join(signed_text(values[name]) for name in sorted(values))
        digest = b64(hashlib.md5(text.encode()).digest())
        mac = hmac.new(self.sk.encode(), f"{digest}\n{date}\n{path}".encode(), hashlib.sha256).digest()
        return {"Content-Type": "application/json", "hmac": b64(mac), "requestDate": date, "accessKey": self.ak}

    def send(self, path, headers, parameters, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=json.dumps(parameters).encode(), headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def call(self, path, now=None, **parameters):
        """What stands under `data`; raises Refused."""
        status, answer = self.send(path, self.headers(path, parameters, now), parameters)
        if status != 200 or answer["code"] != 200:
            assert answer["code"] == answer["errorCode"], answer
            raise Refused(status, answer)
        assert set(answer) == {"code", "msg", "data"}, answer
        return answer["data"]


def refused(code, fn, *arguments, **parameters):
    try:
        fn(*arguments, **parameters)
    except Refused as e:
        assert e.code == code, (e.code, code, str(e))
        return e
    raise AssertionError(f"it was not refused with {code}")


def make_point(root, name="app"):
    return root.call(MANAGE + "createApplicationAccessPoint", applicationName=name, vpcId="vpc-1", subnetId="subnet-1",
                     epId="default", email="a@example.org")["applicationId"]


def make_app(root, point, port=None, **more):
    made = root.call(KEYS + "createUserAk", applicationId=point, **more)
    return AppClient(root.server, made["userAk"], made["userSk"], port)


class Started:
    """A server with one access point, a key, and an application that may do everything."""

    def __enter__(self):
        self.server = Server(KMSD).__enter__()
        self.server.start()
        self.root = Client(self.server)
        self.key = self.root.create_key()
        self.point = make_point(self.root)
        self.app = make_app(self.root, self.point)
        return self

    def __exit__(self, *error):
        self.root.close()
        self.server.__exit__(*error)

    def manage(self, operation, **parameters):
        return self.root.call(MANAGE + operation, applicationId=self.point, **parameters)

    def whitelist(self, enabled, *ips):
        self.root.call(WHITELIST + "addEndpointWhitelist", applicationId=self.point, ips=list(ips),
                       enableWhitelist=enabled)

    def encrypt(self, app=None, key=None):
        return (app or self.app).call("/keyCompute/encrypt", cmkUuid=key or self.key, plaintext=PLAIN)


@check
def an_application_works_with_keys_and_speaks_its_dialect():
    with Started() as s:
        blob = s.encrypt()["ciphertextBlob"]
        assert s.app.call("/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"] == PLAIN
        assert s.root.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"] == PLAIN
        made = s.app.call("/cmkManage/createKey", protectionLevel=1, keySpec="AES_256",
                          enableAutomaticRotation=False)["cmkUuid"]
        assert s.root.describe(made)["keySpec"] == "AES_256"
        e = refused("KMS.0301", s.encrypt, key="5a3c3b5e-6f0a-4f3b-9f46-000000000000")
        assert e.status == 404


@check
def the_scheme_takes_its_own_paths_and_keys_alone():
    with Started() as s:
        # Nobody manages access points with what an access point gives him.
        refused("KMS.0913", s.app.call, "/applicationAccessPointManage/listApplicationAccessPoint")
        # The paths have no version here.
        path = "/v1/keyCompute/encrypt"
        assert s.app.send(path, s.app.headers(path, {}), {})[0] == 404
        status, answer = s.app.send("/keyManage/describeKey", s.app.headers("/keyManage/describeKey", {}), {}, "GET")
        assert status == 405, answer
        # A user's key is unknown to it, and so is a wrong secret.
        credentials = s.server.credentials
        for ak, sk in [(credentials["accessKey"], credentials["secretKey"]), (s.app.ak, "0" * 32), ("f" * 32, s.app.sk)]:
            refused("KMS.0402", s.encrypt, AppClient(s.server, ak, sk))
        # What is not in the body is not signed, and not read.
        body = {"plaintext": PLAIN}
        headers = {**s.app.headers("/keyCompute/encrypt", body), "cmkUuid": s.key}
        status, answer = s.app.send("/keyCompute/encrypt?cmkUuid=" + s.key, headers, body)
        assert status == 400, answer
        body = {"plaintext": PLAIN, "cmkUuid": s.key}
        headers = s.app.headers("/keyCompute/encrypt", body)
        status, answer = s.app.send("/keyCompute/encrypt", headers, {**body, "plaintext": b64(b"other")})
        assert (status, answer["code"]) == (401, "KMS.0402"), answer
        hours = 2 * 3600
        for now in (s.server.now() - hours, s.server.now() + hours):
            refused("KMS.0404", s.app.call, "/keyCompute/encrypt", now=now, cmkUuid=s.key, plaintext=PLAIN)


@check
def a_repeated_change_is_done_once_and_computing_may_be_repeated():
    with Started() as s:
        path = "/cmkManage/createKey"
        body = dict(protectionLevel=1, keySpec="AES_256", regionId=s.server.credentials["regionId"], keyUsage=1,
                    enableAutomaticRotation=False, origin="KMS")
        headers = s.app.headers(path, body)
        first, again = s.app.send(path, headers, body), s.app.send(path, headers, body)
        assert first[0] == 200 and first == again, (first, again)
        path, body = "/keyCompute/encrypt", dict(cmkUuid=s.key, plaintext=PLAIN)
        headers = s.app.headers(path, body)
        first, again = s.app.send(path, headers, body), s.app.send(path, headers, body)
        assert (first[0], again[0]) == (200, 200), (first, again)
        assert first[1]["data"]["ciphertextBlob"] != again[1]["data"]["ciphertextBlob"]
        # Also after a restart, which forgets what was kept in memory.
        path, body = "/cmkManage/disableKey", dict(cmkUuid=s.key)
        headers = s.app.headers(path, body)
        assert s.app.send(path, headers, body)[0] == 200
        assert s.server.stop() == 0
        s.server.start()
        s.root.close()
        s.root.call("/v1/cmkManage/enableKey", cmkUuid=s.key)
        status, answer = s.app.send(path, headers, body)
        assert status == 200, answer
        assert s.root.describe(s.key)["status"] == 1, "the repeated request did it again"


@check
def refusals_come_in_their_order_and_changes_count_at_once():
    with Started() as s:
        other = s.root.create_key()
        keys_only = make_app(s.root, s.point, policy="key")
        certificates_only = make_app(s.root, s.point, policy="cert")
        refused("KMS.0913", s.encrypt, certificates_only)
        s.encrypt(keys_only)

        # All closed at first. Then everything at once, and one after the other is lifted.
        assert s.manage("policyCheckIsOpen")["open"] is False
        s.root.call(KEYS + "disableUserAk", userAk=s.app.ak)
        s.whitelist(True, "192.0.2.0/24", "2001:db8::/32")
        s.manage("changePointUriPolicy", policyType="allow", policyList=["kms:cmk:decrypt"])
        s.manage("changePointResourcePolicy", policyType="allow", cmkList=[other])
        assert s.manage("policyCheckIsOpen")["open"] is True
        assert refused("KMS.0912", s.encrypt).status == 401
        s.root.call(KEYS + "enableUserAk", userAk=s.app.ak)
        assert refused("KMS.0914", s.encrypt).status == 403
        s.whitelist(True, "127.0.0.0/8")
        assert refused("KMS.0913", s.encrypt).status == 403
        s.manage("changePointUriPolicy", policyType="allow", policyList=["kms:cmk:encrypt"])
        hidden = refused("KMS.0301", s.encrypt)
        absent = refused("KMS.0301", s.encrypt, key="5a3c3b5e-6f0a-4f3b-9f46-000000000000")
        assert hidden.status == absent.status == 404
        s.encrypt(key=other)
        s.manage("changePointResourcePolicy", policyType="allow", cmkList=[s.key])
        blob = s.encrypt()["ciphertextBlob"]

        # A ciphertext of a key that is taken away is as one of an absent key.
        s.manage("changePointResourcePolicy", policyType="deny", cmkList=[s.key])
        refused("KMS.0301", s.app.call, "/keyCompute/decrypt", ciphertextBlob=blob)
        s.manage("closePolicyCheck")
        assert s.manage("policyCheckIsOpen")["open"] is False
        assert s.app.call("/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"] == PLAIN

        # Denying first leaves the rest.
        s.manage("changePointUriPolicy", policyType="deny", policyList=["kms:cmk:encrypt"])
        refused("KMS.0913", s.encrypt)
        s.app.call("/keyCompute/decrypt", ciphertextBlob=blob)
        allowed = s.manage("listPointUriPolicy")["list"]
        assert "kms:cmk:encrypt" not in allowed and "kms:cmk:decrypt" in allowed, allowed
        status = {item["action"]: item["status"] for item in s.manage("listAllUri")["list"]}
        assert (status["kms:cmk:encrypt"], status["kms:cmk:decrypt"]) == (0, 1), status

        # A deleted access key, and one whose access point has gone, are unknown.
        s.root.call(KEYS + "deleteUserAk", userAk=keys_only.ak)
        refused("KMS.0402", s.encrypt, keys_only)
        s.manage("deleteApplicationAccessPoint")
        refused("KMS.0402", s.encrypt)


@check
def keys_of_access_points_may_sign_by_the_public_scheme_too():
    with Started() as s:
        class AppServer:
            tls, port, data, now = s.server.tls, s.server.port, s.server.data, staticmethod(s.server.now)
            credentials = {**s.server.credentials, "accessKey": s.app.ak, "secretKey": s.app.sk}

        client = Client(AppServer)
        client.call("/v1/keyCompute/encrypt", cmkUuid=s.key, plaintext=PLAIN)
        refused("KMS.0913", client.call, KEYS + "listUserAk", applicationId=s.point)
        s.manage("changePointUriPolicy", policyType="deny", policyList=["kms:cmk:encrypt"])
        refused("KMS.0913", client.call, "/v1/keyCompute/encrypt", cmkUuid=s.key, plaintext=PLAIN)
        client.close()


@check
def a_listener_of_its_own_serves_one_access_point():
    with Started() as s:
        stranger = make_app(s.root, make_point(s.root, "other"))
        own = free_port()
        assert s.server.stop() == 0
        s.root.close()
        s.server.options = ["--access-point-listen", f"{s.point}=127.0.0.1:{own}", "--vpc", "vpc-1=net=10.0.0.0/8",
                            "--subnet", "subnet-1=vpc-1=sub=10.1.0.0/16"]
        s.server.start()
        s.encrypt()
        s.encrypt(AppClient(s.server, s.app.ak, s.app.sk, own))
        refused("KMS.0402", s.encrypt, AppClient(s.server, stranger.ak, stranger.sk, own))
        s.encrypt(stranger)
        connection = http.client.HTTPConnection("127.0.0.1", own, timeout=20)
        body = b"{}"
        connection.request("POST", "/v1/keyManage/listKeys", body=body, headers=s.root.headers(body))
        answer = connection.getresponse()
        assert json.loads(answer.read())["errorCode"] == "KMS.0402"
        statuses = []
        for path in ("/healthz", "/metrics", "/readyz", "/openapi.json"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status == 200)
        assert statuses == [True, False, False, False], statuses
        connection.close()
        listed = s.root.call(MANAGE + "listApplicationAccessPoint")["list"]
        assert listed[0]["url"] == f"http://127.0.0.1:{own}", listed
        assert (listed[0]["vpcName"], listed[0]["subnetName"]) == ("net", "sub"), listed
        assert listed[1]["url"] == f"http://127.0.0.1:{s.server.port}", listed
        networks = s.root.call(MANAGE + "listVpc", epId="default")["list"]
        assert [n["vpcId"] for n in networks] == ["vpc-1"] and networks[0]["subnetIds"] == ["subnet-1"], networks


@check
def secrets_are_shown_once_and_kept_sealed():
    with Started() as s:
        listed = s.root.call(KEYS + "listUserAk", applicationId=s.point)
        assert listed["totalCount"] == 1 and s.app.sk not in json.dumps(listed), listed
        assert listed["list"][0]["userAk"] == s.app.ak and listed["list"][0]["status"] == "1", listed
        # A request that is sent again is answered without it.
        body = json.dumps({"applicationId": s.point}).encode()
        headers = s.root.headers(body)
        answers = [json.loads(s.root.raw("POST", KEYS + "createUserAk", headers, body)[1])["returnObj"]["result"]
                   for _ in range(2)]
        assert answers[0]["userAk"] == answers[1]["userAk"], answers
        assert "userSk" in answers[0] and "userSk" not in answers[1], answers
        assert s.server.stop() == 0
        secrets = [s.app.sk.encode(), answers[0]["userSk"].encode()]
        for path in s.server.data.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not any(secret in content for secret in secrets), path
        assert not any(secret.decode() in s.server.log for secret in secrets)
        s.server.start()
        s.encrypt()


@check
def policies_that_change_under_load_leave_no_request_behind():
    with Started() as s:
        wrong, stop = [], threading.Event()

        def work():
            while not stop.is_set():
                try:
                    s.encrypt()
                except Refused as e:
                    if e.code != "KMS.0913":
                        wrong.append(str(e))
                except Exception as e:  # noqa: BLE001 - told below
                    wrong.append(repr(e))

        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        try:
            for _ in range(10):
                s.manage("changePointUriPolicy", policyType="deny", policyList=["kms:cmk:encrypt"])
                refused("KMS.0913", s.encrypt)
                s.manage("closePolicyCheck")
                s.encrypt()
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        assert not wrong, wrong[:3]


@check
def kmsctl_speaks_for_an_application():
    with Started() as s:
        credentials = s.server.folder / "app.json"
        content = dict(scheme="access-point", accessKey=s.app.ak, secretKey=s.app.sk,
                       regionId=s.server.credentials["regionId"], endpoint=f"http://127.0.0.1:{s.server.port}")

        def kmsctl(*arguments, data=None):
            credentials.write_text(json.dumps(content))
            os.chmod(credentials, 0o600)
            return subprocess.run([KMSCTL, *arguments], input=data, capture_output=True, timeout=60,
                                  env={**os.environ, "KMS_CREDENTIALS": str(credentials)})

        sealed = kmsctl("encrypt", s.key, data=b"hello")
        assert sealed.returncode == 0, sealed
        opened = kmsctl("decrypt", data=sealed.stdout)
        assert (opened.returncode, opened.stdout) == (0, b"hello"), opened
        s.manage("changePointUriPolicy", policyType="deny", policyList=["kms:cmk:decrypt"])
        denied = kmsctl("decrypt", data=sealed.stdout)
        assert denied.returncode != 0 and b"KMS.0913" in denied.stderr, denied
        content["scheme"] = "other"
        assert kmsctl("decrypt", data=sealed.stdout).returncode != 0


@check
def wrong_options_are_refused_at_the_start():
    point = "5a3c3b5e-6f0a-4f3b-9f46-000000000000"
    for options in (["--access-point-listen", "x=127.0.0.1:1"], ["--access-point-listen", point],
                    ["--access-point-listen", f"{point}=0.0.0.0:9"], ["--vpc", "a=b"], ["--subnet", "a=b=c"],
                    ["--access-point-listen", f"{point}=127.0.0.1:1", "--access-point-listen",
                     f"{point}=127.0.0.1:2"]):
        with Server(KMSD, options=options) as server:
            assert server.start(expect_exit=True) != 0, options


run_checks()
