"""Starts kmsd on a folder of its own, and speaks to it: for the tests from outside.

Standard library only. The signature is written here once more, after chapter 5.2.3 of the manual, so that
a mistake in the product's own signer shows.
"""
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

SKIP = 77
CHECKS = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def b64(data):
    return base64.b64encode(data).decode()


def eventually(check, seconds):
    """Waits until `check` holds: for what the server does by itself."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"HTTP {status} {body}")
        self.status = status
        self.code = body.get("errorCode") if isinstance(body, dict) else None


class Client:
    """One kept-alive connection, opened when it is needed. Not for several threads."""

    def __init__(self, server):
        self.server = server
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def raw(self, method, path, headers, body=b""):
        if self.connection is None:
            if self.server.tls:
                context = ssl.create_default_context(cafile=str(self.server.data / "tls" / "server.crt"))
                self.connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=20, context=context)
            else:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            self.connection.request(method, path, body=body, headers=headers)
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except Exception:
            self.close()
            raise

    def headers(self, body, request_id=None, now=None, secret=None):
        credentials = self.server.credentials
        request_id = request_id or str(uuid.uuid4())
        when = datetime.datetime.fromtimestamp(now if now is not None else self.server.now(), datetime.timezone.utc)
        date = when.strftime("%Y%m%dT%H%M%SZ")
        text = f"ctyun-eop-request-id:{request_id}\neop-date:{date}\n\n\n{hashlib.sha256(body).hexdigest()}"
        mac = lambda key, data: hmac.new(key, data.encode(), hashlib.sha256).digest()
        key = mac(mac(mac((secret or credentials["secretKey"]).encode(), date), credentials["accessKey"]), date[:8])
        signature = b64(mac(key, text))
        return {
            "Content-Type": "application/json",
            "regionId": credentials["regionId"],
            "ctyun-eop-request-id": request_id,
            "eop-date": date,
            "Eop-Authorization": f"{credentials['accessKey']} Headers=ctyun-eop-request-id;eop-date Signature={signature}",
        }

    def call(self, path, request_id=None, now=None, **parameters):
        """The result of an operation; raises Refused."""
        body = json.dumps(parameters).encode()
        status, raw = self.raw("POST", path, self.headers(body, request_id, now), body)
        answer = json.loads(raw)
        inner = answer.get("returnObj", answer)
        if status != 200 or inner.get("success") != 1:
            raise Refused(status, answer)
        return inner.get("result", {})

    def create_key(self, **more):
        parameters = dict(protectionLevel="1", keySpec="AES_256", regionId=self.server.credentials["regionId"],
                          keyUsage="1", enableAutomaticRotation="false", origin="KMS")
        return self.call("/v1/cmkManage/createKey", **{**parameters, **more})["cmkUuid"]

    def describe(self, key):
        return self.call("/v1/keyManage/describeKey", cmkUuid=key)


class Server:
    """kmsd on a data folder that lives as long as this object."""

    def __init__(self, kmsd, tls=False, faketime=None, options=(), environment=()):
        self.kmsd, self.tls, self.options = kmsd, tls, list(options)
        self.environment = dict(environment)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="kmsd-test-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.process = None
        self.faketime = faketime
        self.clock_file = None
        self.offset = 0.0

    def now(self):
        return time.time() + self.offset

    @property
    def credentials(self):
        return json.loads((self.data / "root-credentials.json").read_text())

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def set_clock(self, seconds):
        """Has the wall clock be `seconds` ahead. Given once before the start, it may be called again while kmsd runs,
        which follows within about a second."""
        self.clock_file = self.folder / "clock"
        fresh = self.folder / "clock.new"
        fresh.write_text(f"{int(seconds):+d}\n")
        fresh.rename(self.clock_file)
        self.offset = float(int(seconds))

    def launch(self, days=0):
        """Starts the process of kmsd, with its clock `days` ahead under libfaketime, and awaits nothing."""
        environment = {**os.environ, **self.environment}
        command = [self.kmsd, "--data", str(self.data), "--listen", f"127.0.0.1:{self.port}", *self.options]
        if not self.tls:
            command.append("--http")
        if self.clock_file:
            environment.update(FAKETIME_TIMESTAMP_FILE=str(self.clock_file), FAKETIME_CACHE_DURATION="1")
        else:
            self.offset = days * 86400.0
            if days:
                environment.update(FAKETIME=f"+{days}d")
        if days or self.clock_file:
            # The monotonic clock stays true: only the wall clock is ahead.
            environment.update(LD_PRELOAD=self.faketime, FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1")
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)

    def start(self, days=0, expect_exit=False):
        """Starts kmsd and awaits that it listens, or with `expect_exit` that it ends."""
        self.launch(days)
        if expect_exit:
            return self.process.wait(60)
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(f"kmsd ended with {self.process.returncode}:\n{self.log}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return None
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("kmsd does not listen:\n" + self.log)

    def start_and_kill(self, after):
        """Starts kmsd and kills it `after` seconds later, wherever its start has got to by then."""
        self.launch()
        time.sleep(after)
        assert self.process.poll() is None, f"kmsd ended with {self.process.returncode}:\n{self.log}"
        self.stop(signal.SIGKILL)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Skipped(Exception):
    """What a check needs is not there."""


def check(fn):
    CHECKS.append(fn)
    return fn


def run_checks():
    """Runs the checks of the program, or those whose name has its third argument in it; ends the program."""
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    failed = 0
    for fn in CHECKS:
        if wanted not in fn.__name__:
            continue
        began = time.monotonic()
        try:
            fn()
            print(f"ok   {fn.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except Skipped as e:
            print(f"skip {fn.__name__}: {e}", flush=True)
        except Exception as e:  # noqa: BLE001 - every check is run
            failed += 1
            traceback.print_exc()
            print(f"FAIL {fn.__name__}: {e}", flush=True)
    sys.exit(1 if failed else 0)
