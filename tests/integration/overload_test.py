#!/usr/bin/env python3
"""kmsd under more than it can serve: its memory has a ceiling, good clients are served all the while, what is refused
is refused cleanly, and afterwards every descriptor is back.

  overload_test.py KMSD [--scale SHARE]

At scale 1: 10,000 connections, 1,000 of them slow senders of bodies, 100 pipelining floods, 200 bodies of 10 MB, and
100,000 bad signatures. No time is judged: what is waited for is that good clients have made further rounds.
"""
import argparse
import base64
import json
import multiprocessing
import os
import random
import resource
import selectors
import socket
import statistics
import time

import process_figures
from harness import Client, Server, b64, eventually

KIB, MIB = 1, 1024
SPARE = 40            # connections that are left to the good clients and the operator's pages
GOOD_CLIENTS = 3
HEAD_LIMIT, BODY_LIMIT = 16, 256     # KiB that a connection may send of each
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: kms\r\n\r\n"

# What kmsd may take, in KiB. A connection has its state, its sockets' operations and a first buffer (12 KiB for all of
# them, with the allocator's rounding); of those the allocator may keep what it likes when they have gone. While it is
# open, it has the head that it has sent as well. A body is read into a buffer that grows by doubling
# and so is twice as large at the most while it is copied, beside the old one; all of them together have a budget. Request ids are kept in 8 MiB here; the rest
# is for what the good clients use and what the allocator does not give back.
REPLAY_MIB = 8
ALL_BODIES_MIB = 64   # for the bodies of all connections together, at scale 1
PER_CONNECTION = 12
PER_HEAD = 2 * HEAD_LIMIT
BODY_GROWTH = 3
ELSE = (REPLAY_MIB + 24) * MIB


def ceiling(at_rest, ever, heads, body_kib):
    """`ever`: how many connections were open at once until now; `body_kib`: the bodies of those that are."""
    return at_rest + ever * PER_CONNECTION + heads * PER_HEAD + body_kib * BODY_GROWTH + ELSE


# ---------------------------------------------------------------- good clients, in a process of their own
def good_client(server, seed, ended, rounds, trouble, latencies):
    """Rounds of changes and computing, each answer checked, until `ended`."""
    client, rng, times, keys = Client(server), random.Random(seed), [], []
    try:
        while not ended.is_set():
            if len(keys) < 3 or rng.random() < 0.02:
                keys.append(client.create_key(description=f"good-{seed}"))
            key, text = rng.choice(keys), os.urandom(100)
            began = time.monotonic()
            blob = client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(text))["ciphertextBlob"]
            times.append(time.monotonic() - began)
            assert base64.b64decode(client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"]) == text
            if rng.random() < 0.05:
                client.call("/v1/keyManage/updateKeyDescription", cmkUuid=key, description=str(rng.random()))
            with rounds.get_lock():
                rounds.value += 1
            ended.wait(0.01)
    except Exception as e:  # noqa: BLE001 - reported by the parent
        trouble.put(f"{type(e).__name__}: {e}")
    finally:
        latencies.put(times)
        client.close()


class GoodClients:
    def __init__(self, server):
        fork = multiprocessing.get_context("fork")
        self.ended, self.rounds = fork.Event(), fork.Value("L", 0)
        self.trouble, self.latencies = fork.Queue(), fork.Queue()
        self.processes = [fork.Process(target=good_client, daemon=True,
                                       args=(server, n, self.ended, self.rounds, self.trouble, self.latencies))
                          for n in range(GOOD_CLIENTS)]
        for process in self.processes:
            process.start()

    def check(self):
        assert self.trouble.empty(), self.trouble.get()

    def go_on(self, rounds=10):
        """They are served at this moment: so many more rounds happen."""
        wanted = self.rounds.value + rounds
        eventually(lambda: self.rounds.value >= wanted or not self.trouble.empty(), 120)
        self.check()

    def end(self):
        self.ended.set()
        times = sum((self.latencies.get(timeout=60) for _ in self.processes), [])
        for process in self.processes:
            process.join(60)
        self.check()
        return self.rounds.value, sorted(times)


# ---------------------------------------------------------------- bad ones
def connect(server, receive_buffer=None):
    s = socket.socket()
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.settimeout(60)
    s.connect(("127.0.0.1", server.port))
    return s


class Answers:
    """Reads whole answers from a socket."""

    def __init__(self, sock):
        self.socket, self.data = sock, b""

    def fill(self):
        try:
            more = self.socket.recv(65536)
        except ConnectionError:
            more = b""
        self.data += more
        return bool(more)

    def next(self):
        """(status, body), or None when the connection is closed between two answers."""
        while b"\r\n\r\n" not in self.data:
            if not self.fill():
                assert not self.data, ("half an answer", self.data[:200])
                return None
        head, _, rest = self.data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0].startswith(b"HTTP/1."), lines[0]
        length = next(int(l.split(b":")[1]) for l in lines[1:] if l.lower().startswith(b"content-length:"))
        while len(rest) < length:
            assert self.fill(), "half a body"
            rest = self.data.partition(b"\r\n\r\n")[2]
        self.data = rest[length:]
        return int(lines[0].split()[1]), rest[:length]


def signed(client, path, spoilt=False, **parameters):
    """The bytes of a signed request."""
    body = json.dumps(parameters).encode()
    headers = client.headers(body)
    if spoilt:
        value = headers["Eop-Authorization"]
        headers["Eop-Authorization"] = value.partition("Signature=")[0] + "Signature=" + b64(os.urandom(32))
    lines = [f"POST {path} HTTP/1.1", "Host: kms", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def code_of(body):
    return json.loads(body)["errorCode"]


def result_of(body):
    answer = json.loads(body)
    return answer.get("returnObj", answer)["result"]


def all_bodies_mib(scale):
    return ALL_BODIES_MIB if scale >= 1 else 2


class Overload:
    def __init__(self, server, scale):
        self.server = server
        part = lambda most, least: max(least, round(most * scale))
        self.connections = part(10000, 300)
        # A body of the full length is waited for for sixteen seconds more.
        self.bodies, self.body_kib = part(1000, 60), BODY_LIMIT if scale >= 1 else BODY_LIMIT // 4
        self.all_bodies_kib = all_bodies_mib(scale) * MIB
        self.floods, self.requests_of_a_flood = part(100, 10), part(20000, 4000)
        self.long_bodies = part(200, 10)
        self.bad_signatures = part(100000, 2000)
        self.pid = server.process.pid
        self.client = Client(server)
        self.good = GoodClients(server)
        self.good.go_on()
        self.rest = process_figures.rss_kib(self.pid)
        self.descriptors = process_figures.descriptors(self.pid)

    def tell(self, name, facts, heads=0, body_kib=0):
        """Judges memory at the height of a phase, while good clients are served."""
        rounds, began = self.good.rounds.value, time.monotonic()
        self.good.go_on()
        most = ceiling(self.rest, self.connections + 2 * SPARE, heads, body_kib)
        rss = process_figures.rss_kib(self.pid)
        print(f"{name}: RSS {rss // MIB} MiB of {most // MIB}, {process_figures.descriptors(self.pid)} descriptors, {facts}; "
              f"good clients {self.good.rounds.value - rounds} rounds in {time.monotonic() - began:.1f} s", flush=True)
        assert rss <= most, (name, rss, most)

    def closed_again(self):
        """Every descriptor is back."""
        eventually(lambda: process_figures.descriptors(self.pid) <= self.descriptors + 2, 60)
        self.good.go_on()

    # ------------------------------------------------------------ phases
    def many_connections(self):
        """As many as may be: each is answered; those beyond are closed, and nobody else notices."""
        held = []
        for _ in range(self.connections):
            s = connect(self.server)
            s.sendall(HEALTH)
            held.append(Answers(s))
        for each in held:
            assert each.next()[0] == 200
        self.tell("idle connections", f"{len(held)} answered")
        refused = 0
        for _ in range(2 * SPARE):
            each = Answers(connect(self.server))
            try:
                each.socket.sendall(HEALTH)
                refused += each.next() is None
            except ConnectionError:
                refused += 1
            held.append(each)
        assert refused >= SPARE, f"{refused} of {2 * SPARE} connections beyond the limit were closed"
        self.good.go_on()
        return [each for each in held if each.socket]

    def slow_heads(self, held):
        """The same connections send the beginning of a head, a byte at a time: each gets 408 or is closed."""
        live, dropped = [], 0
        for each in held:
            try:
                each.socket.sendall(b"GET /healthz HTTP/1.1\r\nX-Filler: " + b"x" * 8000)
                live.append(each)
            except ConnectionError:
                dropped += 1
        self.tell("slow heads", f"{len(live)} connections, 8 KB of a head each", heads=len(live))
        statuses = self.until_told(live, b"x")
        assert set(statuses) <= {408, None} and statuses.get(408, 0) >= self.connections * 0.9, statuses
        print(f"  answers to slow heads: {statuses}", flush=True)

    def until_told(self, live, drip):
        """Sends a byte here and there until each connection has an answer, or is closed. Returns how many had which."""
        selector, statuses = selectors.DefaultSelector(), {}
        for each in live:
            each.socket.setblocking(False)
            selector.register(each.socket, selectors.EVENT_READ, each)
        end = time.monotonic() + 120
        while selector.get_map():
            assert time.monotonic() < end, f"{len(selector.get_map())} slow connections are not ended"
            ready = selector.select(0.3)
            for key, _ in ready:
                selector.unregister(key.fileobj)
                each = key.data
                each.socket.settimeout(60)
                answer = each.next()
                status = answer[0] if answer else None
                statuses[status] = statuses.get(status, 0) + 1
                each.socket.close()
            waiting = list(selector.get_map().values())
            for key in random.sample(waiting, min(20, len(waiting))) if not ready else []:
                try:
                    key.fileobj.send(drip)
                except OSError:
                    pass          # closed meanwhile; the next select tells
            self.good.check()
        selector.close()
        return statuses

    def slow_bodies(self):
        """Nearly all of a body, and then a byte at a time: as many as have room together, and the others are refused."""
        live, sent = [], (self.body_kib - 1) * 1024
        for _ in range(self.bodies):
            each = Answers(connect(self.server))
            try:
                each.socket.sendall(b"POST /v1/keyManage/describeKey HTTP/1.1\r\nHost: kms\r\nContent-Length: %d\r\n\r\n"
                                    % (self.body_kib * 1024) + b" " * sent)
            except ConnectionError:
                pass              # refused, and not read to its end
            live.append(each)
        self.tell("slow bodies", f"{len(live)} connections, {sent // 1024} KiB of a body each", heads=len(live),
                  body_kib=self.all_bodies_kib)
        statuses = self.until_told(live, b" ")
        held = self.all_bodies_kib // self.body_kib
        assert held < self.bodies, "the budget is to be too small for all"
        assert set(statuses) <= {408, 429, None} and statuses.get(408, 0) + statuses.get(429, 0) >= self.bodies * 0.9, statuses
        # Who was refused has made room for nobody: those in time keep theirs.
        assert held * 0.9 <= statuses.get(408, 0) <= held * 1.1, (held, statuses)
        print(f"  answers to slow bodies: {statuses}", flush=True)

    def long_ones(self):
        """10 MB, told beforehand or not: refused before anything of it is kept."""
        seen, most = {}, 0
        for number in range(self.long_bodies):
            each = Answers(connect(self.server))
            told = number % 2 == 0
            head = b"Content-Length: 10485760" if told else b"Transfer-Encoding: chunked"
            try:
                each.socket.sendall(b"POST /v1/keyManage/describeKey HTTP/1.1\r\nHost: kms\r\n" + head + b"\r\n\r\n")
                for _ in range(160):
                    each.socket.sendall((b"" if told else b"10000\r\n") + b" " * 65536 + (b"" if told else b"\r\n"))
            except ConnectionError:
                pass              # it does not have to read what it has refused
            answer = each.next()
            what = (head.split(b":")[0].decode(), answer and answer[0], answer and code_of(answer[1]))
            seen[what] = seen.get(what, 0) + 1
            most = max(most, process_figures.rss_kib(self.pid))
            each.socket.close()
        allowed = {("Content-Length", 413, "KMS.0129"), ("Transfer-Encoding", 411, "KMS.0927"),
                   ("Content-Length", None, None), ("Transfer-Encoding", None, None)}
        assert set(seen) <= allowed and sum(n for what, n in seen.items() if what[1]) > 0, seen
        self.tell("bodies of 10 MB", f"answers {seen}, at most {most // MIB} MiB on the way", heads=1)
        assert most <= ceiling(self.rest, self.connections + 2 * SPARE, 1, 0), most

    def pipelining(self):
        """Floods that read no answer cost a buffer and are closed; those that read get every answer, in order."""
        deaf = []
        for _ in range(self.floods):
            s = connect(self.server, receive_buffer=4096)
            s.setblocking(False)
            flood, at = HEALTH * self.requests_of_a_flood, 0
            try:
                while at < len(flood):
                    at += s.send(flood[at:at + 65536])
            except BlockingIOError:
                pass
            except ConnectionError:
                pass
            deaf.append(s)
        self.tell("pipelining, answers not read", f"{len(deaf)} floods of {self.requests_of_a_flood}", heads=len(deaf))
        for s in deaf:
            s.close()
        key = self.client.create_key()
        for _ in range(max(2, self.floods // 10)):
            texts = [b64(os.urandom(24)) for _ in range(100)]
            each = Answers(connect(self.server))
            each.socket.sendall(b"".join(signed(self.client, "/v1/keyCompute/encrypt", cmkUuid=key, plaintext=t) for t in texts))
            blobs = [result_of(each.next()[1])["ciphertextBlob"] for _ in texts]
            for text, blob in random.sample(list(zip(texts, blobs)), 5):
                assert self.client.call("/v1/keyCompute/decrypt", ciphertextBlob=blob)["plaintext"] == text
            each.socket.close()
        self.tell("pipelining, answers read", "every answer in its place", heads=1)

    def signatures(self):
        """Bad signatures: the same refusal each, and nothing is kept of them."""
        lanes = [Answers(connect(self.server)) for _ in range(8)]
        left = self.bad_signatures
        while left > 0:
            count = min(left, 800)
            left -= count
            for each in lanes:
                each.socket.sendall(b"".join(signed(self.client, "/v1/keyManage/describeKey", spoilt=True, cmkUuid="x")
                                             for _ in range(count // len(lanes))))
            for each in lanes:
                for _ in range(count // len(lanes)):
                    status, body = each.next()
                    assert 400 <= status < 500 and code_of(body) == "KMS.0402", (status, body)
            self.good.check()
        self.tell("bad signatures", f"{self.bad_signatures} refused with KMS.0402", heads=len(lanes))
        for each in lanes:
            each.socket.close()

    def run(self):
        held = self.many_connections()
        self.slow_heads(held)
        self.closed_again()
        for phase in (self.slow_bodies, self.long_ones, self.pipelining, self.signatures):
            phase()
            self.closed_again()
        self.client.close()
        return self.good.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kmsd")
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections = max(300, round(10000 * options.scale))
    assert connections + 500 < hard, f"{hard} descriptors are too few for {connections} connections"
    # At a small scale it is not waited as long for those that are slow.
    patience = "8000" if options.scale >= 1 else "1500"
    with Server(options.kmsd, options=["--max-connections", str(connections + SPARE), "--head-timeout-millis", patience,
                                       "--body-timeout-millis", patience,
                                       "--all-bodies-megabytes", str(all_bodies_mib(options.scale)),
                                       "--replay-megabytes", str(REPLAY_MIB)]) as server:
        server.start()
        overload = Overload(server, options.scale)
        try:
            rounds, times = overload.run()
        finally:
            overload.good.ended.set()
        print(f"good clients: {rounds} rounds, every answer right; encrypt p50 {statistics.median(times) * 1e3:.1f} ms, "
              f"p99 {times[int(len(times) * 0.99)] * 1e3:.1f} ms")
        assert server.stop() == 0, server.log[-2000:]


if __name__ == "__main__":
    main()
