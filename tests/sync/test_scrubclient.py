"""The client that has call lists checked, against the real site and clockwork, which are killed in every stage."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from registry import parties
from registry.assembly import assemble, prepare
from registry.errors import FeedError, InvalidInputError, NotAllowedError, UnavailableError
from sync.__main__ import main
from sync.scrubapi import Api, Patience
from sync.scrubclient import Ask, Client
from tests.live import Live, MovedClock, at_ten, free_port, until

pytestmark = pytest.mark.processes

ASK = Ask("calls", "loan", campaign="autumn", column="phone")
LINES = 60_000
PROGRAMS = (("web.commands", "site"), ("sync", "run"))
SITE, CLOCKWORK = 0, 1
SETTINGS = """
[site]
port = {port}
bcrypt_cost = 4
stalled_s = 3

[guard]
least = 1000000

[scrubs]
every_s = 1
drop_s = 1

[scrubs.tiers.basic]
day = 70000
epoch = 70000
"""


@dataclass
class Town:
    """A registry that runs, a telemarketer's key, and a call list."""

    live: Live
    key: str
    folder: Path
    kills: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "list.csv"

    def client(self, name: str, *, patience: float = 60, **more: Any) -> Client:
        api = Api(self.live.url, self.key, Patience(patience))
        return Client(api, more.pop("file", self.file), self.folder / name, ASK, poll_s=0.5, **more)

    def kill(self, stage: str) -> None:
        """Kill the site, or the clockwork where it works on the list, with all processes, and start it again."""
        self.kills.append(stage)
        place = CLOCKWORK if stage == "check" else SITE
        end(self.live.children[place], signal.SIGKILL)
        start(self.live, place)
        self.live.children[place] = self.live.children.pop()


def start(live: Live, place: int) -> None:
    """The site or the clockwork, with its processes in a group of its own."""
    module, command = PROGRAMS[place]
    live.start(module, "--instance", str(live.instance), command, log=live.instance / "run.log")


def end(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
    child.wait(20)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("scrubs")
    port, instance = free_port(), folder / "instance"
    instance.mkdir()
    (instance / "settings.toml").write_text(SETTINGS.format(port=port))
    prepare(instance)
    clock = MovedClock(folder / "clock", at_ten())
    live = Live(instance, f"http://127.0.0.1:{port}", clock=clock)
    try:
        registry = assemble(live.instance)
        parties.add_party(
            registry.store, clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="Acme"
        )
        _id, key = parties.issue_key(registry.store, clock, party="acme", scopes=["check", "scrub"], label="test")
        registry.close()
        lines = (f"person {place},139{place:08d}\r\n" for place in range(LINES))
        (folder / "list.csv").write_text("name,phone\r\n" + "".join(lines))
        for place in (SITE, CLOCKWORK):
            start(live, place)
        yield Town(live, key, folder)
    finally:
        for child in live.children:
            end(child, signal.SIGTERM)


def test_a_server_killed_in_every_stage_makes_nobody_begin_again(town: Town) -> None:
    asked: dict[str, int] = {}

    def watch(stage: str, done: float, _of: float, _left: float | None) -> None:
        asked[stage] = asked.get(stage, 0) + 1
        if stage not in town.kills and (stage != "send" or asked[stage] == 3) and done:
            town.kill(stage)
        if stage == "check" and stage not in town.kills:
            town.kill(stage)

    client = town.client("killed.csv", part=300_000, watch=watch)
    job = client.run()
    assert sorted(town.kills) == ["check", "fetch", "send"]
    assert (job["state"], job["lines"], job["counts"]["allowed"]) == ("done", LINES, LINES)
    result = (town.folder / "killed.csv").read_bytes()
    assert hashlib.sha256(result).hexdigest() == job["result"]["sha256"]
    assert result.count(b",allowed,no_recorded_will,") == LINES
    assert asked["send"] == -(-town.file.stat().st_size // 300_000)
    assert [path.name for path in town.folder.glob(".*")] == []
    assert len(client.api.ask("GET", "scrubs")["scrubs"]) == 1


def test_the_same_command_again_goes_on_where_it_stopped(town: Town) -> None:
    class StoppedError(Exception):
        pass

    def stop_at(stage: str, count: int) -> Any:
        seen: list[str] = []

        def watch(now: str, _done: float, _of: float, _left: float | None) -> None:
            seen.append(now)
            if seen.count(stage) == count:
                raise StoppedError

        return watch

    scrubs = set()
    for stage, count in [("send", 2), ("check", 1), ("fetch", 2)]:
        client = town.client("stopped.csv", part=500_000, watch=stop_at(stage, count))
        with pytest.raises(StoppedError):
            client.run()
        scrubs.add(client._scrub)
    partial = town.folder / ".stopped.csv.part"
    assert partial.stat().st_size > 0
    assert partial.stat().st_mode & 0o777 == 0o600
    assert "1390000" not in (town.folder / ".stopped.csv.scrub.json").read_text()
    asked: list[str] = []
    client = town.client("stopped.csv", watch=lambda stage, *_more: asked.append(stage))
    client.run()
    assert scrubs == {client._scrub}
    assert "send" not in asked
    assert (town.folder / "stopped.csv").read_bytes().count(b"\r\n") == LINES + 1


def test_what_was_altered_on_the_way_is_fetched_anew_and_never_put_in_its_place(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = town.folder / "small.csv"
    small.write_text("phone\n13900139000\nnobody\n")
    client = town.client("altered.csv", file=small)
    partial = client._partial
    done = client._followed

    def followed(job: dict[str, Any]) -> dict[str, Any]:
        found = done(job)
        partial.write_bytes(b"x" * (found["result"]["size"] - 3))
        return found

    monkeypatch.setattr(client, "_followed", followed)
    client.run()
    assert (town.folder / "altered.csv").read_text().startswith("phone,verdict")
    monkeypatch.setattr("sync.scrubclient._digest", lambda _path: "0" * 64)
    again = town.client("never.csv", file=small)
    with pytest.raises(FeedError) as raised:
        again.run()
    assert raised.value.code == "bad_result"
    assert not again.out.exists()


def test_a_list_that_cannot_be_checked_is_refused_with_its_reason(town: Town) -> None:
    for content, code in [("name,age\nLi,40\n", "no_number_column"), ("", "empty_list")]:
        wrong = town.folder / "wrong.csv"
        wrong.write_text(content)
        client = town.client("wrong-out.csv", file=wrong)
        client.ask = Ask("calls", "loan")
        with pytest.raises(InvalidInputError) as raised:
            client.run()
        assert raised.value.code == code
    assert not list(town.folder.glob(".wrong*"))


def test_a_key_or_an_address_that_does_not_serve_is_said_at_once(town: Town) -> None:
    client = town.client("x.csv")
    client.api = Api(town.live.url, "dc_wrong", Patience(60))
    with pytest.raises(NotAllowedError):
        client.run()
    client.api = Api("http://127.0.0.1:9", town.key, Patience(0.5))
    with pytest.raises(UnavailableError):
        client.run()
    for url in ("http://registry.example", "ftp://127.0.0.1", "registry"):
        with pytest.raises(InvalidInputError):
            Api(url, town.key, Patience(1))


def command(town: Town, *arguments: str, stdin: str = "", key: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=stdin, env={"DECLINE_CALL_KEY": key or town.key})


def test_numbers_from_standard_input_are_checked_by_command(town: Town) -> None:
    options = ("--url", town.live.url, "--channel", "calls", "--category", "loan")
    done = command(town, "check", *options, stdin="139 0013 9000\n\nnobody\n")
    assert done.exit_code == 0, done.output
    first, second = done.stdout.splitlines()
    assert first.startswith("139 0013 9000\tallowed\tno_recorded_will\t")
    assert second == "nobody\tinvalid\tletters"
    as_json = command(town, "check", *options, "--json", stdin="13900139000\n")
    assert json.loads(as_json.stdout)["verdict"] == "allowed"
    assert command(town, "check", *options, key="dc_wrong", stdin="1\n").exit_code == 1
    away = ("--url", "http://127.0.0.1:9", *options[2:], "--patience", "0")
    assert command(town, "check", *away, stdin="1\n").exit_code == 4


def test_a_list_beyond_the_quota_is_answered_as_far_as_it_goes_and_the_exit_code_says_so(town: Town) -> None:
    more = town.folder / "more.txt"
    more.write_text("".join(f"138{place:08d}\n" for place in range(20_000)))
    out = town.folder / "more-allowed.txt"
    done = command(
        town, "scrub", str(more), "--out", str(out), "--url", town.live.url, "--channel", "calls", "--category", "loan",
        "--only", "allowed", "--receipt", str(town.folder / "receipt.json"),
    )  # fmt: skip
    assert done.exit_code == 3, done.output
    assert "quota_reached" in done.stdout
    answered = out.read_text().splitlines()
    assert 0 < len(answered) < 20_000
    assert all(",allowed," in line for line in answered)
    assert "payload" in json.loads((town.folder / "receipt.json").read_text())["envelope"]


def test_a_list_that_was_changed_meanwhile_is_sent_anew_and_what_was_sent_is_let_go(town: Town) -> None:
    changing = town.folder / "changing.csv"
    changing.write_text("phone\n" + "13900000001\n" * 40_000)

    def change(stage: str, *_more: Any) -> None:
        if stage == "send":
            changing.write_text("phone\n13900000002\n")
            raise KeyboardInterrupt

    first = town.client("changing-out.csv", file=changing, part=100_000, watch=change)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    second = town.client("changing-out.csv", file=changing)
    assert second.run()["lines"] == 1
    states = {each["scrub"]: each["state"] for each in _scrubs(town)}
    assert (states[first._scrub], states[second._scrub]) == ("deleted", "done")


def test_the_clockwork_serves_drop_folders(town: Town) -> None:
    town.live.sync("--instance", str(town.live.instance), "dropbox", "enable", "acme", "--channel", "calls",
                   "--category", "loan")  # fmt: skip
    folder = town.live.instance / "dropbox" / "acme"
    (folder / "in" / "batch.csv.part").write_text("phone\n13900000003\n")
    (folder / "in" / "batch.csv.part").rename(folder / "in" / "batch.csv")
    result = folder / "out" / "batch.csv"
    until(result.exists, seconds=20, every=0.2, what="the result in the drop folder")
    assert result.read_text().startswith("phone,verdict,reason,rule,until,next_allowed\n13900000003,allowed,")
    assert (folder / "out" / "batch.csv.receipt.json").exists()


def test_a_body_in_chunks_comes_in_and_one_that_breaks_off_is_refused(town: Town) -> None:
    url = f"{town.live.url}/api/v1/scrubs?channel=calls&category=loan"
    headers = {"Authorization": f"Bearer {town.key}", "Content-Type": "text/csv"}
    answer = requests.post(url, data=iter([b"phone\n", b"13900139000\n"]), headers=headers, timeout=20)
    assert answer.status_code == 202, answer.text
    assert answer.json()["size"] == 18
    before = len(_scrubs(town))
    for framing in ("Content-Length: 500", "Transfer-Encoding: chunked"):
        with _begun(town, framing):
            time.sleep(0.2)
    until(
        lambda: [each["state"] for each in _scrubs(town)[: len(_scrubs(town)) - before]] == ["deleted"] * 2,
        seconds=10, every=0.2, what="two scrubs whose lists broke off are gone",
    )  # fmt: skip
    assert "Traceback" not in (town.live.instance / "run.log").read_text()


def test_whoever_stalls_in_the_middle_of_a_list_keeps_no_thread(town: Town) -> None:
    with ExitStack() as stack:
        wires = [stack.enter_context(_begun(town, "Content-Length: 500")) for _ in range(8)]  # as many as threads
        for wire in wires:
            assert b" 422 " in wire.recv(1000).partition(b"\r\n")[0]
    assert requests.get(f"{town.live.url}/healthz", timeout=5).status_code == 200


@contextmanager
def _begun(town: Town, framing: str) -> Iterator[socket.socket]:
    """A connection on which a list has begun to come."""
    host, port = "127.0.0.1", int(town.live.url.rpartition(":")[2])
    with socket.create_connection((host, port), timeout=20) as wire:
        head = [
            "POST /api/v1/scrubs?channel=calls&category=loan HTTP/1.1", f"Host: {host}",
            f"Authorization: Bearer {town.key}", "Content-Type: text/csv", framing, "", "",
        ]  # fmt: skip
        wire.sendall("\r\n".join(head).encode() + b"6\r\nphone\n\r\n")
        yield wire


def _scrubs(town: Town) -> list[dict[str, Any]]:
    api = Api(town.live.url, town.key, Patience(20))
    found: list[dict[str, Any]] = api.ask("GET", "scrubs")["scrubs"]
    return found
