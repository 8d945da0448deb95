#!/usr/bin/env python3
"""kill -9 at any moment under load: what was answered is there, what was not is wholly there or wholly
absent, the server starts again, and the store that it leaves has no finding. Where there is SoftHSM, a share of the keys
is of HSM level.

  crash_test.py KMSD KMSCTL [ROUNDS]
"""
import os
import random
import signal
import subprocess
import sys
import threading
import time

from harness import Client, Refused, Server, b64
from hsm_harness import MODULE, has_token_tools, import_material, objects, version

SIGNATURES = {"RSA_2048": "RSA_PKCS1_SHA_256", "Ctyun_SM2": "SM2DSA"}
# Kinds of keys, and how often a worker makes each. Those that take their time are rare.
SOFTWARE = [(1, dict(keySpec="AES_256"))]
HSM = [(weight, dict(kind, protectionLevel="0")) for weight, kind in (
    (8, dict(keySpec="AES_256")), (6, dict(keySpec="Ctyun_SM4")), (6, dict(keySpec="Ctyun_SM2", keyUsage="2")),
    (1, dict(keySpec="RSA_2048", keyUsage="2")), (2, dict(keySpec="AES_256", origin="EXTERNAL")))]


def compute(client, key, spec):
    """Has the key compute, and keeps what shows later that it is the same: a blob or a signature."""
    if spec in SIGNATURES:
        which = dict(cmkUuid=key, keyVersionId=version(client, key), algorithm=SIGNATURES[spec], digest=b64(b"\5" * 32))
        return dict(which, value=client.call("/v1/asymmetric/asymmetricSign", **which)["value"])
    return client.call("/v1/keyCompute/encrypt", cmkUuid=key, plaintext=b64(key.encode()))["ciphertextBlob"]


def check_key(client, key, spec, *made):
    """What the key has made before, and what it makes now, is right. Returns the latter."""
    fresh = compute(client, key, spec)
    for each in (*made, fresh):
        if spec in SIGNATURES:
            assert client.call("/v1/asymmetric/asymmetricVerify", **each)["value"] in ("true", True), key
        else:
            assert client.call("/v1/keyCompute/decrypt", ciphertextBlob=each)["plaintext"] == b64(key.encode()), key
    return fresh


class Worker(threading.Thread):
    """Changes things one after the other, and keeps what was acknowledged."""

    def __init__(self, server, seed, kinds):
        super().__init__()
        self.client, self.random, self.kinds = Client(server), random.Random(seed), kinds
        self.keys = {}       # id -> what is known: description, what it made
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
        what = self.random.choice(["create", "describe", "alias", "compute", "toggle"])
        if what == "create" or not self.keys:
            mark = f"{self.name}-{self.count}"
            self.pending = ("create", mark)
            weights, kinds = zip(*self.kinds)
            kind = self.random.choices(kinds, weights)[0]
            key = self.client.create_key(description=mark, **kind)
            self.keys[key] = {"description": mark, "enabled": True, "kind": kind, "material": "origin" not in kind}
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
            elif not facts["material"]:
                self.pending = ("import", key)
                import_material(self.client, key, os.urandom(32))
                facts["material"] = True
            elif what == "compute" and facts["enabled"]:
                self.pending = ("compute",)
                facts["made"] = compute(self.client, key, facts["kind"]["keySpec"])
            elif what == "toggle":
                target = "disableKey" if facts["enabled"] else "enableKey"
                self.pending = ("toggle", key, not facts["enabled"])
                self.client.call(f"/v1/cmkManage/{target}", cmkUuid=key)
                facts["enabled"] = not facts["enabled"]
        self.pending = None

    def check(self, client):
        """What was answered is there. What is found counts as answered from then on."""
        pending = getattr(self, "pending", None) or (None,)
        for key, facts in self.keys.items():
            seen = client.describe(key)
            allowed = {facts["description"]}
            if pending[0] == "describe" and pending[1] == key:
                allowed.add(pending[2])
            assert seen["description"] in allowed, (key, seen["description"], allowed)
            facts["description"] = seen["description"]
            states = {facts["enabled"]}
            if pending[0] == "toggle" and pending[1] == key:
                states.add(pending[2])
            assert bool(seen["status"]) in states, (key, seen)
            imported = facts["material"] or pending == ("import", key) and seen["status"] != 3
            assert imported == (seen["status"] != 3), (key, seen)
            facts["material"], facts["enabled"] = imported, True
            if not imported:
                continue
            if seen["status"] == 0:
                client.call("/v1/cmkManage/enableKey", cmkUuid=key)
            made = [facts["made"]] if "made" in facts else []
            facts["made"] = check_key(client, key, facts["kind"]["keySpec"], *made)
        for name, key in self.aliases.items():
            assert client.describe(name)["cmkUuid"] == key, name
        if pending[0] == "alias":
            try:
                assert client.describe(pending[1])["cmkUuid"] == pending[2]
                self.aliases[pending[1]] = pending[2]
            except Refused as e:
                assert e.code == "KMS.0301", e
        self.pending = None


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
        facts = client.describe(key)
        if facts["status"] == 1:
            check_key(client, key, facts["keySpec"])
    return len(seen)


def store_has_no_finding(kmsctl, server):
    done = subprocess.run([kmsctl, "fsck", "--data", server.data], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def main():
    kmsd, kmsctl, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 12
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    with Server(kmsd, options=["--asymmetric-versions", "100000"]) as server:
        changes = 0
        hsm_keys = {}  # of all rounds: spec, and what they have made
        for number in range(rounds):
            # The first start is interrupted as well, at any point of its initialisation.
            if number == 0:
                for _ in range(6):
                    server.start_and_kill(rng.uniform(0.0, 0.4))
            server.start()
            workers = [Worker(server, rng.random(), kinds) for kinds in [SOFTWARE] * 4 + ([HSM] * 2 if MODULE else [])]
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
                if worker.kinds is HSM:
                    hsm_keys.update((key, (facts["kind"]["keySpec"], facts["made"])) for key, facts in worker.keys.items()
                                    if "made" in facts)
            for key, (spec, made) in hsm_keys.items():
                check_key(client, key, spec, made)
            total = everything_listed_is_whole(client)
            client.close()
            # However many keys there are, and whatever was cut off.
            assert not has_token_tools() or len(objects(server)) == 1, objects(server)
            assert server.stop(rng.choice([signal.SIGKILL, signal.SIGTERM])) in (0, -9)
            store_has_no_finding(kmsctl, server)
        print(f"{rounds} rounds, {changes} answered calls, {total} keys, {len(hsm_keys)} of HSM level")


if __name__ == "__main__":
    main()
