#!/usr/bin/env python3
"""kms-load against a running kmsd: that what it reports is what happened.

  load_test.py KMSD KMS_LOAD [NAME]
"""
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time

from harness import Client, Server, check, free_port, run_checks

KMSD, LOAD = sys.argv[1], sys.argv[2]
MEMBERS = ["requests_per_second", "errors", "p50_us", "p99_us", "p999_us", "client_cpu_us_per_request"]
SERVERS = {}


def server(tls=False):
    """One for all checks, of each kind."""
    if tls not in SERVERS:
        SERVERS[tls] = EXIT.enter_context(Server(KMSD, tls=tls, options=["--hsm", "none"]))
        SERVERS[tls].start()
    return SERVERS[tls]


def run(*arguments, code=0):
    done = subprocess.run([LOAD, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, (arguments, done.returncode, done.stdout[-500:], done.stderr[-500:])
    return done


def load(of, *arguments):
    """The report of a short run."""
    scheme = "https" if of.tls else "http"
    done = run("--url", f"{scheme}://127.0.0.1:{of.port}", "--credentials", of.data / "root-credentials.json",
               "--seconds", "0.3", "--warmup", "0", "--json", *arguments)
    lines = done.stdout.splitlines()
    assert len(lines) == 1, done.stdout
    report = json.loads(lines[0])
    assert not [name for name in MEMBERS if name not in report], report
    report["stderr"] = done.stderr
    return report


def clean(report):
    assert report["errors"] == 0 and report["stderr"] == "", report
    assert report["requests"] > 0 and report["requests_per_second"] > 0, report
    assert 0 < report["p50_us"] <= report["p99_us"] <= report["p999_us"] <= report["max_us"], report
    return report


def counted(of, operation):
    """How many calls of it the server itself has counted."""
    status, text = Client(of).raw("GET", "/metrics", {})
    assert status == 200
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.decode().splitlines()
               if line.startswith("kms_requests_total{") and f'operation="{operation}"' in line)


@check
def every_operation_is_answered_right():
    operations = ["healthz", "encrypt", "decrypt", "generateDataKey", "generateDataKeyWithoutPlaintext",
                  "asymmetricSign", "asymmetricVerify", "asymmetricEncrypt", "asymmetricDecrypt", "hmacCompute",
                  "hmacVerify", "messageDigest", "describeKey"]
    report = clean(load(server(), "--op", ",".join(operations)))
    assert list(report["operations"]) == operations, report
    for one in report["operations"].values():
        assert one["requests"] > 0 and one["errors"] == 0, report


@check
def the_server_has_counted_as_many_calls():
    before = counted(server(), "encrypt")
    report = clean(load(server(), "--op", "encrypt", "--pid", server().process.pid, "--size", "100"))
    assert report["server_cpu_us_per_request"] > 0, report
    # Those that were in flight at the end are beyond the window.
    assert 0 <= counted(server(), "encrypt") - before - report["requests"] <= 4, report


@check
def pipelines_threads_and_mixes():
    report = clean(load(server(), "--op", "encrypt=3,decrypt=1,healthz=1", "--pipeline", "8", "--threads", "2",
                        "--connections", "3"))
    shares = {name: one["requests"] / report["requests"] for name, one in report["operations"].items()}
    assert abs(shares["encrypt"] - 0.6) < 0.1 and abs(shares["decrypt"] - 0.2) < 0.1, shares


@check
def an_open_loop_keeps_its_rate():
    report = clean(load(server(), "--op", "encrypt", "--rate", "500", "--seconds", "0.6"))
    assert 200 <= report["requests"] <= 301, report


@check
def an_open_loop_counts_from_when_a_request_was_due():
    """A server that answers after 50 ms, over one connection, falls behind by 40 ms with each request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            connection, _ = listener.accept()
            with connection:
                while connection.recv(4096):
                    time.sleep(0.05)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        threading.Thread(target=serve, daemon=True).start()
        done = run("--url", f"http://127.0.0.1:{listener.getsockname()[1]}", "--op", "healthz", "--connections", "1",
                   "--rate", "100", "--seconds", "0.2", "--warmup", "0", "--json")
        report = json.loads(done.stdout)
        # Twenty are due within 0.2 s; the last is answered after 20 * 50 ms.
        assert report["errors"] == 0 and report["max_us"] > 750_000, report
        assert report["p50_us"] > 300_000, report


@check
def over_tls():
    for arguments in [["--op", "encrypt"], ["--op", "healthz", "--insecure", "--pipeline", "4"]]:
        clean(load(server(tls=True), *arguments))
    url = f"https://127.0.0.1:{server(tls=True).port}"
    done = run("--url", url, "--op", "healthz", "--seconds", "0.1", code=1)
    assert "certificate" in done.stderr, done.stderr


@check
def a_given_key_is_used_and_its_refusals_are_errors():
    client = Client(server())
    key = client.create_key()
    clean(load(server(), "--op", "encrypt", "--key", key))
    assert client.describe(key)["status"] == 1
    client.call("/v1/cmkManage/disableKey", cmkUuid=key)
    report = load(server(), "--op", "encrypt", "--key", key)
    assert report["errors"] > 0 and report["requests"] == 0, report
    lines = report["stderr"].splitlines()
    assert 1 <= len(lines) <= 5 and all("encrypt: HTTP 4" in line for line in lines), lines
    # Half of them is.
    report = load(server(), "--op", "encrypt,healthz", "--key", key)
    assert report["errors"] == report["operations"]["encrypt"]["errors"] > 0, report
    assert report["operations"]["healthz"]["requests"] > 0, report


@check
def keys_that_were_made_are_deleted():
    before = {key["cmkUuid"] for key in keys_of_state("2")}
    clean(load(server(), "--op", "encrypt,asymmetricSign", "--seconds", "0.1"))
    assert len({key["cmkUuid"] for key in keys_of_state("2")} - before) == 2


def keys_of_state(state):
    return Client(server()).call("/v1/keyManage/listAliasKeys", pageSize="100", status=state)["content"]


@check
def a_server_that_goes_away_is_an_error():
    with Server(KMSD, options=["--hsm", "none"]) as own:
        own.start()
        process = subprocess.Popen([LOAD, "--url", f"http://127.0.0.1:{own.port}", "--op", "healthz", "--seconds",
                                    "0.6", "--warmup", "0", "--json"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        time.sleep(0.2)
        own.stop(signal.SIGKILL)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0 and json.loads(out)["errors"] > 0 and err, (out, err)


@check
def an_interrupt_ends_it_with_a_report():
    process = subprocess.Popen([LOAD, "--url", f"http://127.0.0.1:{server().port}", "--op", "healthz", "--seconds",
                                "60", "--warmup", "0", "--json"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    report = json.loads(out)
    assert process.returncode == 0 and report["seconds"] < 10 and report["requests"] > 0, report


@check
def wrong_usage_is_2_and_no_server_is_1():
    url = f"http://127.0.0.1:{free_port()}"
    for arguments in [[], ["--op", "healthz"], ["--url", url, "--op", "encrypt"], ["--url", url, "--op", "nonsense"],
                      ["--url", url, "--op", "healthz", "--seconds", "0"], ["--url", "nonsense", "--op", "healthz"],
                      ["--url", url, "--op", "healthz", "--bogus"],
                      ["--url", url, "--op", "healthz", "--pid", "999999999"],
                      ["--url", url, "--op", "encrypt", "--credentials", "/nonexistent"]]:
        done = run(*arguments, code=2)
        assert done.stdout == "" and done.stderr.startswith("kms-load: ") and done.stderr.count("\n") == 1, arguments
    done = run("--url", url, "--op", "healthz", code=1)
    assert done.stdout == "" and "refused" in done.stderr, done.stderr
    assert "--rate" in run("--help").stdout


with contextlib.ExitStack() as EXIT:
    run_checks()
