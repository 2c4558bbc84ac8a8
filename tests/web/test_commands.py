"""What an operator types: each command on a real instance, what it prints, and what it says when it cannot."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from registry import applications, credentials, organisations, parties
from registry.assembly import assemble
from registry.errors import UnavailableError
from registry.uscc import company_number
from web.commands import main
from web.processes import Programs, wait_until_up

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command on an instance that was prepared; `status` is what it must end with."""

    def running(*arguments: str, status: int = 0) -> Result:
        done = CliRunner().invoke(main, ["--instance", str(tmp_path / "instance"), *arguments])
        assert done.exit_code == status, done.output
        return done

    assert "First officer, once: /sign-in/first/" in running("prepare").stdout
    return running


def add_carrier(run: Run, party: str = "cmcc") -> Result:
    return run("party", "add", party, "--kind", "carrier", "--name-zh", "移动", "--name-en", "Mobile")


def test_preparing_twice_is_quiet_and_changes_nothing(run: Run, tmp_path: Path) -> None:
    before = (tmp_path / "instance" / "keys").stat().st_mtime_ns
    assert "is ready" in run("prepare").stdout
    assert (tmp_path / "instance" / "keys").stat().st_mtime_ns == before


def test_a_party_is_added_and_listed(run: Run) -> None:
    assert "cmcc (carrier) is number" in add_carrier(run).stdout
    assert "cmcc\tcarrier\tactive\thome\t移动 Mobile" in run("party", "list").stdout


def test_a_key_is_issued_works_and_is_revoked(run: Run, tmp_path: Path) -> None:
    add_carrier(run)
    secret = run("key", "issue", "cmcc", "--scope", "feed", "--scope", "reports", "--label", "follower").stdout.strip()
    registry = assemble(tmp_path / "instance")
    actor = parties.key_actor(registry.store, registry.clock, secret)
    assert actor.scopes == {"feed", "reports"}
    run("key", "revoke", actor.key)
    with pytest.raises(Exception, match="key") as refused:
        parties.key_actor(registry.store, registry.clock, secret)
    assert secret not in str(refused.value)
    registry.close()


def test_an_officer_is_invited_and_invited_again(run: Run, tmp_path: Path) -> None:
    first = run("officer", "invite", "wang@gov.example", "--role", "auditor").stdout.strip()
    second = run("officer", "invite", "WANG@gov.example").stdout.strip()
    registry = assemble(tmp_path / "instance")
    token = second.removeprefix("/sign-in/first/")
    assert first != second
    assert credentials.invited(registry.store, registry.clock, token).role == "auditor"
    registry.close()


def test_the_key_of_the_gateway_is_the_same_each_time(run: Run) -> None:
    key = run("sms-key").stdout.strip()
    assert len(bytes.fromhex(key)) == 32
    assert run("sms-key").stdout.strip() == key


def test_the_trail_is_walked_and_a_changed_entry_is_named(run: Run, tmp_path: Path) -> None:
    add_carrier(run)
    assert run("audit", "verify").stdout.endswith("entries, unbroken\n")
    with sqlite3.connect(tmp_path / "instance" / "registry.db") as database:
        database.execute("UPDATE audit SET actor = 'nobody' WHERE entry = 1")
    database.close()
    assert "entry 1 of" in run("audit", "verify", status=1).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("party", "add", "No Word", "--kind", "carrier", "--name-zh", "x", "--name-en", "x"), "decline-call: "),
        (("key", "issue", "nobody", "--scope", "feed"), "decline-call: "),
        (("key", "issue", "regulator", "--scope", "everything"), "decline-call: "),
        (("key", "revoke", "0000"), "decline-call: "),
        (("officer", "invite", "no address"), "decline-call: "),
    ],
)
def test_what_is_refused_is_said_in_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    refused = run(*arguments, status=1)
    assert refused.stderr.startswith(said)
    assert refused.stderr.count("\n") == 1
    assert refused.stdout == ""


def test_a_folder_that_nobody_prepared_is_said_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--instance", str(tmp_path / "none"), "party", "list"])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert not (tmp_path / "none").exists()


def test_settings_that_make_no_sense_name_their_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "instance" / "settings.toml").write_text("[site]\nport = 8000\nprot = 1\n")
    assert "settings.toml, line 3: site.prot" in run("party", "list", status=1).stderr


# programs that run together


def child(text: str) -> list[str]:
    """Arguments of a Python program (after `-m`) that runs a text."""
    return ["timeit", "-n", "1", "-r", "1", text]


def test_programs_are_stopped_together_even_one_that_will_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from web import processes

    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    programs = Programs()
    programs.start("willing", child("import time; time.sleep(60)"))
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    programs.start("stubborn", child(stubborn))
    time.sleep(0.5)
    assert programs.ended() is None
    began = time.monotonic()
    programs.stop()
    assert time.monotonic() - began < 3
    assert all(each.poll() is not None for each in programs._children.values())


def test_when_one_program_ends_by_itself_the_others_are_stopped() -> None:
    programs = Programs()
    programs.start("lasting", child("import time; time.sleep(60)"))
    programs.start("short", child("pass"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert programs.wait() == 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert all(each.poll() is not None for each in programs._children.values())


def test_a_program_that_ends_before_it_is_up_is_named() -> None:
    programs = Programs()
    programs.start("site", child("pass"))
    try:
        with pytest.raises(UnavailableError, match="The site ended before it was up"):
            wait_until_up("http://127.0.0.1:9/healthz", programs, seconds=20)
    finally:
        programs.stop()


def test_a_reseller_gets_a_host_and_blocks_and_what_is_refused_is_named_by_its_line(run: Run, tmp_path: Path) -> None:
    add_carrier(run)
    add_carrier(run, "snail")
    assert "no reseller" in run("party", "blocks", "snail", "--add", "165000", status=1).output
    said = run("party", "reseller", "snail", "--host", "cmcc", "--follows", "host").stdout
    assert said == "snail is a reseller of cmcc, follows: host.\n"
    file = tmp_path / "blocks.csv"
    file.write_text("Prefix;from\n165000;2026\n1670;2026\n165001;2026\n", encoding="utf-8")
    refused = run("party", "blocks", "snail", "--add", "1703", "--file", str(file), status=1)
    assert refused.stderr == "line 3: This range is not in the network of cmcc. [other_network]\n"
    assert refused.stdout == "165000\tmoving\n165001\tmoving\n1703\tmoving\n"
    assert run("party", "blocks", "snail", "--remove", "165001").stdout == "165000\tmoving\n1703\tmoving\n"
    assert "no such block" in run("party", "blocks", "snail", "--remove", "165001", status=1).output
    file.write_text("number\n165000\n", encoding="utf-8")
    assert "name the columns" in run("party", "blocks", "snail", "--file", str(file), status=1).output
    assert "is no reseller" not in run("party", "reseller", "snail", status=1).output


def test_a_telemarketer_is_described_gets_a_tier_an_owner_and_a_key_of_the_sandbox(run: Run, tmp_path: Path) -> None:
    run("party", "add", "swift", "--kind", "telemarketer", "--name-zh", "快拨", "--name-en", "Swift", "--tier", "plus")
    assert "swift\ttelemarketer\tactive\tplus\t快拨 Swift" in run("party", "list").stdout
    said = ("party", "describe", "swift", "--sector", "loan", "--contact", "Li", "--email", "li@swift.cn", "--phone")
    assert run(*said, "010-88886666", "--registration", "914403001922038216").stdout == "swift is 914403001922038216.\n"
    assert "mistyped" in run(*said, "010-88886666", "--registration", "914403001922038217", status=1).output
    assert run("party", "tier", "swift", "large").stdout == "swift is of tier large.\n"
    assert "there are basic, plus, large" in run("party", "tier", "swift", "endless", status=1).output
    add = ("party", "add", "x1", "--kind", "telemarketer", "--name-zh", "快拨", "--name-en", "Swift", "--tier")
    assert "no licence tier" in run(*add, "endless", status=1).output
    assert "/sign-in/first/" in run("party", "invite", "swift", "li@swift.cn", "--name", "Li").stdout
    assert "/sign-in/first/" in run("party", "invite", "swift", "LI@swift.cn").stdout
    assert "another party" in run("party", "invite", "regulator", "li@swift.cn", status=1).output
    secret = run("key", "issue", "swift", "--scope", "check", "--sandbox").stdout.strip()
    registry = assemble(tmp_path / "instance")
    assert parties.key_actor(registry.store, registry.clock, secret).sandbox
    registry.close()


def test_applications_are_listed_approved_and_refused_by_command(run: Run, tmp_path: Path) -> None:
    registry = assemble(tmp_path / "instance")
    company = [company_number(code) for code in ("914403001922038216", "9144030071526726XG")]
    contact = organisations.contact_of(registry.plan, name="Li", email="li@swift.cn", phone="010-88886666")
    made = [
        applications.apply(
            registry.store, registry.keys, registry.clock, registry.settings.applications, form=number.number,
            address="192.0.2.1", language="en", wish=applications.wish_of(
                name_zh="快拨", name_en="", company=number, sectors=["loan"], itself=True, principals=[],
                contact=contact,
            ),
        )[0]
        for number in company
    ]  # fmt: skip
    registry.close()
    assert f"{made[0]}\twaiting\t" in run("application", "list").stdout
    assert "/sign-in/first/" in run("application", "approve", applications.in_groups(made[0]), "swift").stdout
    assert "decided" in run("application", "approve", made[0], "swift2", status=1).output
    run("application", "refuse", made[1], "--why", "Nobody answers.")
    assert run("application", "list", "--state", "waiting").stdout == ""
    assert "no application" in run("application", "refuse", "nothing", "--why", "x", status=1).output
