"""kmsctl fsck and kmsctl drill, as an operator uses them."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from harness import Client, Server, b64, check, eventually, run_checks
from hsm_harness import (MODULE, FaultyToken, Keys, OperatorsToken, pkcs11_tool, skip_without_softhsm,
                         skip_without_token_tools)
from offline import KMSCTL, KMSD, backup, kmsctl, pass_phrase_in, small_disk


def drill_command(server, file, within, pass_phrase=None):
    return [KMSCTL, "--output", "json", "drill", str(file), "--data", str(server.data), "--within", str(within),
            "--pass-phrase-file", str(pass_phrase or pass_phrase_in(server.folder))]


def drill(server, file, expect=0, output=False, **how):
    """A drill that leaves nothing, however it ends."""
    within = server.folder / "within"
    within.mkdir(exist_ok=True)
    pass_phrase = how.pop("pass_phrase", None)
    more = how.pop("more", ())
    told = kmsctl(*drill_command(server, file, within, pass_phrase)[1:], *more, expect=expect, output=output, **how)
    assert os.listdir(within) == [], os.listdir(within)
    return told


def fsck(server, expect=0, output=False):
    return kmsctl("--output", "json", "fsck", "--data", server.data, expect=expect, output=output)


def fill(server):
    """A running server with two versions of symmetric keys, a key pair, and a key without material."""
    server.start()
    client = Client(server)
    for kind in (dict(), dict(), dict(keySpec="RSA_2048", keyUsage="2")):
        key = client.create_key(**kind)
        client.call("/v1/keyName/createAlias", cmkUuid=key, aliasName=f"alias/{key[:8]}")
    client.create_key(origin="EXTERNAL")
    client.close()


def spoil_secrets(server, member="sealed", offset=60):
    """Changes a byte of everything that is sealed, in all pages of the store's file, old ones among them."""
    path = server.data / "store" / "data.mdb"
    content = bytearray(path.read_bytes())
    start = f'"{member}":"'.encode()
    at = content.find(start)
    assert at >= 0
    while at >= 0:
        byte = at + len(start) + offset
        content[byte] = ord("A") if content[byte] != ord("A") else ord("B")
        at = content.find(start, at + 1)
    path.write_bytes(content)


@contextlib.contextmanager
def small_file_system(kilobytes):
    """A folder with room for so much, or None where none can be mounted."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="kmsctl-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder],
                             stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def exchange_secrets(server):
    """Has the two AES keys of HSM level change what is sealed of their material."""
    path = server.data / "store" / "data.mdb"
    content = path.read_bytes()
    records = [record for record in re.findall(rb'\{[^{}]*\}', content) if b'"instance":"' in record]
    sealed = {re.search(rb'"sealed":"([^"]+)"', record)[1] for record in records}
    one, two = (text for text in sealed if len(text) == min(map(len, sealed)))
    path.write_bytes(content.replace(one, b"#" * len(one)).replace(two, one).replace(b"#" * len(one), two))


def contents(folder, pattern="*", but=None):
    """Every file below the folder, with its content."""
    return {path: path.read_bytes() for path in folder.rglob(pattern) if path.is_file() and path.name != but}


def all_tried(output):
    """What a drill of the Keys of hsm_harness tells when it could use all of them."""
    told = json.loads(output)
    assert told["findings"] == [] and told["versionsOnlyATokenUses"] == 0 and "notTried" not in told, told
    assert told["symmetricVersionsTried"] == 3 and told["pairsTried"] == 4, told


@check
def a_store_is_checked_when_no_kmsd_runs():
    with Server(KMSD, options=("--hsm", "none")) as server:
        fill(server)
        assert "a kmsd runs" in fsck(server, expect=3)
        server.stop()
        data = server.data / "store" / "data.mdb"
        before = digest(data)
        told = json.loads(fsck(server, output=True))
        assert told["findings"] == [] and told["records"]["key"] == 4, told
        assert told["secretsOpened"] >= 4 and told["secretsOnlyATokenOpens"] == 0, told
        assert digest(data) == before
        kmsctl("fsck", "--data", server.folder / "nothing", expect=2)
        assert not (server.folder / "nothing").exists()
        shutil.move(data, server.folder / "data.mdb")
        fsck(server, expect=2)
        assert not data.exists()
        shutil.move(server.folder / "data.mdb", data)
        shutil.move(server.data / "root-key", server.folder / "root-key")
        fsck(server, expect=3)
        shutil.move(server.folder / "root-key", server.data / "root-key")
        spoil_secrets(server)
        told = json.loads(fsck(server, expect=1, output=True))
        assert "does not open under the root key" in told["findings"][0]["fault"], told
        assert kmsctl("fsck", "--data", server.data, expect=1, output=True).splitlines()[0] == \
            f"{told['findings'][0]['place']}: {told['findings'][0]['fault']}"


@check
def a_drill_tries_every_version_and_leaves_nothing():
    with Server(KMSD, options=("--hsm", "none")) as server:
        fill(server)
        file = server.folder / "backup"
        backup(server, file)
        # Beside the running server.
        told = json.loads(drill(server, file, output=True))
        assert told["findings"] == [] and told["symmetricVersionsTried"] == 2 and told["pairsTried"] == 1, told
        server.stop()
        # The parts of the root key may be anywhere, and the data directory gone.
        shutil.move(server.data / "root-key", server.folder / "root-key")
        within = server.folder / "elsewhere"
        within.mkdir()
        arguments = ["drill", file, "--pass-phrase-file", pass_phrase_in(server.folder)]
        for part in ("root", "private", "wrap"):
            kmsctl(*arguments, expect=2)
            arguments += [f"--{part}-folder", server.folder / "root-key" / part]
        kmsctl(*arguments, env={**os.environ, "TMPDIR": str(within)})
        assert os.listdir(within) == []


@check
def a_drill_tries_what_is_in_a_token_with_a_copy_of_it():
    skip_without_softhsm()
    with Server(KMSD) as server:
        server.start()
        keys = Keys(server)
        file = server.folder / "backup"
        backup(server, file)
        told = json.loads(drill(server, file, output=True))
        assert told["versionsOnlyATokenUses"] == 6 and told["symmetricVersionsTried"] == 1, told
        assert told["notTried"].startswith("6 versions of HSM level: --hsm auto"), told
        # Beside the running server, whose token does not see it.
        hsm = server.data / "hsm"
        before = contents(hsm)
        for more in (("--softhsm-folder", hsm), ("--hsm", "auto")):
            all_tried(drill(server, file, output=True, more=more))
            assert contents(hsm) == before
        keys.check()
        # Another token has another root key, or none; and a folder may be no token's.
        with Server(KMSD) as other:
            other.start()
            other.stop()
            told = drill(server, file, expect=3, more=("--softhsm-folder", other.data / "hsm"))
            assert "no initialised token" in told, told
        drill(server, file, expect=2, more=("--softhsm-module", "libsofthsm2.so"))
        assert "has no token" in drill(server, file, expect=3, more=("--softhsm-folder", server.folder))
        # Material that the token does not take is a finding.
        server.stop()
        spoil_secrets(server)
        file.unlink()
        backup(server, file)
        told = json.loads(drill(server, file, expect=1, output=True, more=("--softhsm-folder", hsm)))
        assert len([one for one in told["findings"] if one["fault"] == "cannot be used"]) == 7, told
        # A token that cannot be opened hides no finding.
        told = json.loads(drill(server, file, expect=1, output=True, more=("--softhsm-folder", server.folder)))
        assert told["findings"] and "has no token" in told["notTried"], told


@check
def a_root_key_in_the_store_that_does_not_fit_its_token_is_a_finding():
    skip_without_softhsm()
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        client.create_key(protectionLevel="0", keySpec="AES_256")
        client.close()
        server.stop()
        spoil_secrets(server, "seal", offset=20)
        file = server.folder / "backup"
        backup(server, file)
        told = json.loads(drill(server, file, expect=1, output=True, more=("--hsm", "auto")))
        finding = {"place": "hsm-root", "fault": "what the store holds of root key 1 does not unwrap in the token"}
        assert told["findings"] == [finding], told


@check
def a_drill_beside_kmsd_leaves_a_named_token_as_it_is():
    skip_without_token_tools()
    with OperatorsToken() as token, OperatorsToken() as other, \
            Server(KMSD, options=[*token.options, "--hsm-pin-file", token.pin_file], environment=token.environment) as server:
        server.start()
        keys = Keys(server)
        file = server.folder / "backup"
        backup(server, file)

        def held():
            return pkcs11_tool(token.configuration, token.pin, token.label, "-O")

        def drilled(of=token, **how):
            more = [*of.options, "--hsm-pin-file", of.pin_file, *how.pop("more", ())]
            return drill(server, file, more=more, env={**os.environ, **of.environment}, **how)

        before = held()
        files = contents(token.folder, "*.object", but="token.object")
        assert len(files) == 1 and "libkms root 1" in before, (files, before)
        all_tried(drilled(output=True))
        assert held() == before and contents(token.folder, "*.object", but="token.object") == files
        keys.check()
        # The PIN may come in the environment; then no file is named.
        environment = {**os.environ, **token.environment, "KMSD_HSM_PIN": token.pin}
        all_tried(drill(server, file, output=True, more=token.options, env=environment))
        # A token of the same label does not get the PIN; and one with another root key is no finding.
        assert "no initialised token" in drilled(other, expect=3)
        serial = [line.split(":")[1].strip() for line in subprocess.run(
            ["pkcs11-tool", "--module", MODULE, "--list-token-slots"], env={**os.environ, **other.environment},
            check=True, capture_output=True, text=True).stdout.splitlines() if "serial num" in line][0]
        told = drilled(other, expect=3, more=("--hsm-serial", serial))
        assert "root key 1 of the store is not in the token" in told, told
        assert contents(other.folder, "*.object", but="token.object") == {}
        token.write_pin("not the PIN")
        assert "refuses the PIN" in drilled(expect=3)
        token.write_pin(token.pin)
        # The other way round: kmsd's token has lost the root key.
        server.stop()
        root = next(line.split(":")[1].strip() for line in before.splitlines() if line.strip().startswith("ID:"))
        pkcs11_tool(token.configuration, token.pin, token.label, "--delete-object", "--type", "secrkey", "--id", root)
        told = drilled(expect=3)
        assert "root key 1 of the store is not in the token" in told, told
        assert contents(token.folder, "*.object", but="token.object") == {}


@check
def a_drill_makes_no_root_key_in_a_token():
    skip_without_token_tools()
    with FaultyToken() as token, \
            Server(KMSD, options=[*token.options, "--hsm-pin-file", token.pin_file], environment=token.environment) as server:
        token.obey("* hide CKM_AES_KEY_WRAP_PAD")
        server.start()
        keys = Keys(server)
        file = server.folder / "backup"
        backup(server, file)

        def held():
            return pkcs11_tool(token.configuration, token.pin, token.label, "-O")

        # It has learnt to wrap, for which kmsd makes a root key at its next start.
        token.obey()
        before = held()
        all_tried(drill(server, file, output=True, more=[*token.options, "--hsm-pin-file", token.pin_file],
                        env={**os.environ, **token.environment}))
        assert held() == before
        keys.check()
        server.stop()
        server.start()
        assert "libkms root 2" in held() and "libkms root 2" not in before


@check
def material_of_another_version_is_a_finding():
    skip_without_softhsm()
    with Server(KMSD) as server:
        server.start()
        client = Client(server)
        for _ in range(2):
            client.create_key(protectionLevel="0", keySpec="AES_256")
            client.create_key(protectionLevel="0", keySpec="RSA_2048", keyUsage="2")
        client.close()
        server.stop()
        file = server.folder / "backup"
        backup(server, file)
        assert json.loads(drill(server, file, output=True, more=("--hsm", "auto")))["findings"] == []
        exchange_secrets(server)
        file.unlink()
        backup(server, file)
        # The records fit together: only the token sees it.
        assert json.loads(drill(server, file, output=True))["findings"] == []
        told = json.loads(drill(server, file, expect=1, output=True, more=("--hsm", "auto")))
        assert [one["fault"] for one in told["findings"]] == ["cannot be used"] * 2, told
        assert told["symmetricVersionsTried"] == 0 and told["pairsTried"] == 2, told


@check
def a_token_is_named_as_for_kmsd_or_not_at_all():
    with Server(KMSD, options=("--hsm", "none")) as server:
        fill(server)
        file = server.folder / "backup"
        backup(server, file)
        pin = server.folder / "pin"
        pin.write_text("1234\n")
        pin.chmod(0o644)
        named = ["--hsm", "pkcs11", "--hsm-module", KMSD, "--hsm-token", "x"]
        for more, told in ((["--hsm", "usb"], "usb not in {auto,none,pkcs11}"), (["--hsm", "0"], "0 not in {"),
                           (["--hsm-module", KMSD], "--hsm is not pkcs11"),
                           (["--hsm", "pkcs11", "--hsm-module", KMSD], "--hsm-token"), (named, "KMSD_HSM_PIN"),
                           ([*named, "--hsm-pin-file", pin], "chmod 600"),
                           ([*named, "--hsm-sm4", "1:2"], "KEYTYPE:KEYGEN:GCM"),
                           (["--hsm", "none", "--hsm-token", "x"], "--hsm is not pkcs11"),
                           (["--hsm", "none", "--softhsm-folder", server.folder], "--hsm auto")):
            assert told in drill(server, file, expect=2, more=more), more
        # An option of several numbers does not take what follows for one.
        told = kmsctl("drill", *named, "--hsm-sm4", "1:2", file, "--pass-phrase-file", pass_phrase_in(server.folder), expect=2)
        assert "KEYTYPE:KEYGEN:GCM" in told, told
        # A store without keys of HSM level needs no token, and none is looked for.
        told = json.loads(drill(server, file, output=True, more=("--hsm", "auto")))
        assert told["findings"] == [] and "notTried" not in told, told


@check
def a_backup_that_is_no_good_is_told_of():
    with Server(KMSD, options=("--hsm", "none")) as server, Server(KMSD, options=("--hsm", "none")) as other:
        fill(server)
        file = server.folder / "backup"
        backup(server, file)
        server.stop()
        other.start()
        other.stop()
        assert "pass phrase" in drill(server, file, expect=1,
                                      pass_phrase=pass_phrase_in(server.folder, "another pass phrase", "other"))
        whole = file.read_bytes()
        bad = server.folder / "bad"
        for content in (whole[:-1], whole[: len(whole) // 2], b""):
            bad.write_bytes(content)
            assert "changed or cut" in drill(server, bad, expect=1)
        # The root key of another store.
        assert "another root key" in drill(other, file, expect=1)
        # A store that was broken already when the backup was made.
        spoil_secrets(server)
        bad.unlink()
        backup(server, bad)
        told = json.loads(drill(server, bad, expect=1, output=True))
        assert "does not open" in told["findings"][0]["fault"], told


@check
def what_is_interrupted_leaves_nothing():
    with Server(KMSD, options=("--hsm", "none")) as server:
        fill(server)
        file = server.folder / "backup"
        backup(server, file)
        server.stop()
        within = server.folder / "within"
        within.mkdir()
        # A beginning of it, and no end: whoever reads it is in the middle until it is interrupted.
        half = server.folder / "half"
        pipes = []

        def offer():
            half.unlink(missing_ok=True)
            os.mkfifo(half)
            pipes.append(os.open(half, os.O_RDWR))
            os.write(pipes[-1], file.read_bytes()[:4096])

        def children(of):
            return [int(child) for child in
                    pathlib.Path(f"/proc/{of}/task/{of}/children").read_text().split()]

        def signals():
            # Whoever starts it may ignore how children end; a drill must not. What a shell or
            # nohup has this test ignore, kmsctl would ignore, too.
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            for interrupts in (signal.SIGINT, signal.SIGHUP):
                signal.signal(interrupts, signal.SIG_DFL)

        pass_phrase = pass_phrase_in(server.folder)
        offer()
        restoring = subprocess.Popen([KMSCTL, "restore", half, "--to", within / "restored", "--pass-phrase-file", pass_phrase],
                                     stderr=subprocess.DEVNULL)
        eventually(lambda: list(within.glob("restored.*/store")), 20)
        restoring.terminate()
        assert restoring.wait(30) == 3
        assert os.listdir(within) == []
        for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            offer()
            process = subprocess.Popen(drill_command(server, half, within), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE,
                                       preexec_fn=signals)
            eventually(lambda: list(within.glob("kmsctl.*/store")), 20)
            (folder,) = within.iterdir()
            assert folder.stat().st_mode & 0o777 == 0o700
            if how == signal.SIGKILL:  # as the system does that is out of memory
                os.kill(children(process.pid)[0], how)
            else:
                process.send_signal(how)
            _, told = process.communicate(timeout=30)
            assert process.returncode == 3, (how, process.returncode, told)
            assert os.listdir(within) == [], how
        for pipe in pipes:
            os.close(pipe)


@check
def a_full_disk_leaves_nothing():
    with Server(KMSD, options=("--hsm", "none")) as server:
        fill(server)
        file = server.folder / "backup"
        backup(server, file)
        server.stop()
        restored = server.folder / "restored"
        arguments = ["restore", file, "--to", restored, "--pass-phrase-file", pass_phrase_in(server.folder)]
        for most in (0, 4096, 20000):
            kmsctl(*arguments, expect=3, preexec_fn=small_disk(most))
            assert list(server.folder.glob("restored*")) == []
            drill(server, file, expect=3, preexec_fn=small_disk(most))
        # What is full at 16 KiB is full in the middle; from some size on a drill succeeds; between, anything may be the
        # first that has no room.
        for kilobytes in (16, 32, 48, 56, 64, 72, 96, 4096):
            with small_file_system(kilobytes) as disk:
                if disk is None:
                    print("no file system of its own could be mounted: the limit of file sizes has to do")
                    return
                done = subprocess.run(drill_command(server, file, disk), capture_output=True, timeout=60)
                assert done.returncode == 3 if kilobytes == 16 else done.returncode in (0, 3), (kilobytes, done)
                assert os.listdir(disk) == [], os.listdir(disk)
                if done.returncode == 3 and kilobytes <= 32:
                    arguments[3] = disk / "restored"
                    kmsctl(*arguments, expect=3)
                    assert os.listdir(disk) == [], os.listdir(disk)
        assert done.returncode == 0, done


run_checks()
