#!/usr/bin/env python3
"""kill -9 at any moment under load: what was answered is there, what was not is wholly there or wholly
absent, and the server starts again.

  crash_test.py KMSD [ROUNDS]
"""
import random
import signal
import sys
import threading
import time

from harness import Client, Refused, Server, b64


class Worker(threading.Thread):
    """Changes things one after the other, and keeps what was acknowledged."""

    def __init__(self, server, seed):
        super().__init__()
        self.client, self.random = Client(server), random.Random(seed)
        self.keys = {}       # id -> what is known: description, blob
        self.aliases = {}    # name -> key
        self.unsure = []     # (kind, ...) of calls that were never answered
        self.trouble = None
        self.count = 0

    def run(self):
        try:
            while True:
                self.step()
                self.count += 1
        except OSError:
            pass             # the server was killed
        except Exception as e:  # noqa: BLE001 - reported by the main thread
            if "HTTPException" not in [c.__name__ for c in type(e).__mro__]:
                self.trouble = e
        finally:
            self.client.close()

    def step(self):
        what = self.random.choice(["create", "describe", "alias", "encrypt", "toggle"])
        if what == "create" or not self.keys:
            mark = f"{self.name}-{self.count}"
            self.pending = ("create", mark)
            key = self.client.create_key(description=mark)
            self.keys[key] = {"description": mark, "enabled": True}
        else:
            key = self.random.choice(list(self.keys))
            facts = self.keys[key]
            if what == "describe":
                mark = f"changed-{self.count}"
                self.pending = ("describe", key, mark)
                self.client.call("/v1/keyManage/updateKeyDescription", cmkUuid=key, description=mark)
                facts["description"] = mark
            elif what == "alias":
                name = f"alias/{self.name}-{self.count}"
                self.pending = ("alias", name, key)
                self.client.call("/v1/keyName/createAlias", cmkUuid=key, aliasName=name)
                self.aliases[name] = key
            elif what == "encrypt" and facts["enabled"]:
                self.pending = ("encrypt",)
                facts["blob"] = self.client.call("/v1/keyCompute/encrypt", cmkUuid=key,
                                                 plaintext=b64(key.encode()))["ciphertextBlob"]
            elif what == "toggle":
                target = "disableKey" if facts["enabled"] else "enableKey"
                self.pending = ("toggle", key, not facts["enabled"])
                self.client.call(f"/v1/cmkManage/{target}", cmkUuid=key)
                facts["enabled"] = not facts["enabled"]
        self.pending = None

    def check(self, client):
        pending = getattr(self, "pending", None) or (None,)
        for key, facts in self.keys.items():
            seen = client.describe(key)
            allowed = {facts["description"]}
            if pending[0] == "describe" and pending[1] == key:
                allowed.add(pending[2])
            assert seen["description"] in allowed, (key, seen["description"], allowed)
            states = {facts["enabled"]}
            if pending[0] == "toggle" and pending[1] == key:
                states.add(pending[2])
            assert bool(seen["status"]) in states, (key, seen)
            if "blob" in facts and seen["status"] == 1:
                opened = client.call("/v1/keyCompute/decrypt", ciphertextBlob=facts["blob"])
                assert opened["plaintext"] == b64(key.encode())
        for name, key in self.aliases.items():
            assert client.describe(name)["cmkUuid"] == key, name
        if pending[0] == "alias":
            try:
                assert client.describe(pending[1])["cmkUuid"] == pending[2]
            except Refused as e:
                assert e.code == "KMS.0301", e


def everything_listed_is_whole(client):
    """Lists and records agree: every listed key can be described and used, and the count is right."""
    seen, page = [], 0
    while True:
        listed = client.call("/v1/keyManage/listAliasKeys", pageNumber=page, pageSize=100)
        seen += [k["cmkUuid"] for k in listed["content"]]
        page += 1
        if len(listed["content"]) < 100:
            break
    assert len(seen) == len(set(seen)) == listed["totalCount"], (len(seen), listed["totalCount"])
    for key in random.sample(seen, min(20, len(seen))):
        if client.describe(key)["status"] == 1:
            client.call("/v1/keyCompute/generateDataKey", cmkUuid=key)
    return len(seen)


def main():
    kmsd, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 12
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    with Server(kmsd) as server:
        changes = 0
        for number in range(rounds):
            # The first start is interrupted as well, at any point of its initialisation.
            if number == 0:
                for _ in range(6):
                    threading.Timer(rng.uniform(0.0, 0.4), lambda: server.process and server.process.kill()).start()
                    try:
                        server.start()
                    except RuntimeError as e:
                        assert "ended with -9" in str(e), e
                    server.process.wait(30)
            server.start()
            workers = [Worker(server, rng.random()) for _ in range(4)]
            for worker in workers:
                worker.start()
            time.sleep(rng.uniform(0.05, 0.8))
            server.stop(signal.SIGKILL)
            for worker in workers:
                worker.join(60)
                assert not worker.is_alive()
                if worker.trouble:
                    raise worker.trouble
            server.start()
            client = Client(server)
            for worker in workers:
                worker.check(client)
                changes += worker.count
            total = everything_listed_is_whole(client)
            client.close()
            assert server.stop(rng.choice([signal.SIGKILL, signal.SIGTERM])) in (0, -9)
        print(f"{rounds} rounds, {changes} answered calls, {total} keys")


if __name__ == "__main__":
    main()
