"""The rulebooks: chosen by the local day of the event, complete, and refused where their dates don't fit together."""

from __future__ import annotations

import shutil
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from registry.errors import NotFoundError, SettingsError
from registry.preferences import NIGHT, Channel
from registry.rulebook import FOLDER, Fines, Rulebooks, load_rulebooks

NAMES = ["2015", "2020-draft", "2026"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packs that a test may spoil."""
    return Path(shutil.copytree(FOLDER, tmp_path / "rulebooks"))


def spoil(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_three_rulebooks_are_there(rulebooks: Rulebooks) -> None:
    assert [pack.name for pack in rulebooks.packs] == NAMES
    assert all(pack.title_zh and pack.title_en for pack in rulebooks.packs)


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        (datetime(2015, 6, 29, 16, 0, tzinfo=UTC), "2015"),  # midnight in Beijing
        (datetime(2020, 9, 1, tzinfo=UTC), "2015"),  # the draft was published, and never came into force
        (datetime(2026, 4, 30, 15, 59, 59, tzinfo=UTC), "2015"),
        (datetime(2026, 4, 30, 16, 0, tzinfo=UTC), "2026"),
        (datetime(2090, 1, 1, tzinfo=UTC), "2026"),
    ],
)
def test_the_local_day_of_the_event_chooses_the_rulebook(rulebooks: Rulebooks, moment: datetime, name: str) -> None:
    assert rulebooks.at(moment).name == name


def test_the_zone_decides_which_day_it_is() -> None:
    moment = datetime(2026, 4, 30, 20, 0, tzinfo=UTC)
    assert load_rulebooks(zone="Asia/Shanghai").at(moment).name == "2026"
    assert load_rulebooks(zone="UTC").at(moment).name == "2015"


def test_before_the_first_rulebook_there_is_none(rulebooks: Rulebooks) -> None:
    with pytest.raises(NotFoundError) as refused:
        rulebooks.at(datetime(2015, 6, 29, 15, 59, tzinfo=UTC))
    assert refused.value.code == "no_rulebook"


def test_a_proposed_rulebook_is_found_by_name_only(rulebooks: Rulebooks) -> None:
    draft = rulebooks.named("2020-draft")
    assert draft.status == "proposed"
    assert {rulebooks.at(datetime(year, 12, 1, tzinfo=UTC)).name for year in range(2015, 2030)} == {"2015", "2026"}
    with pytest.raises(NotFoundError):
        rulebooks.named("2030")


def test_what_the_packs_say_is_what_the_rules_say(rulebooks: Rulebooks) -> None:
    old, draft, new = (rulebooks.named(name) for name in NAMES)
    assert [pack.consent.required for pack in (old, new)] == [("messages",), ("messages",)]
    assert set(draft.consent.required) == {channel.slug for channel in Channel}
    assert not any(pack.consent.beats_refusal for pack in (old, draft, new))
    assert (new.grace.carriers, new.grace.telemarketers) == (60, 60)
    assert [(p.deadlines.forward, p.deadlines.handle) for p in (old, draft)] == [(5, 15), (3, 15)]
    assert (old.deadlines.tell_user, draft.deadlines.tell_user) == (0, 3)  # none stated in 2015
    assert (old.fines.least, old.fines.most) == (10_000, 30_000)
    assert old.retention.reports >= 150 < new.retention.reports >= 180  # five and six months


def test_rest_is_at_night_and_about_calls(rulebooks: Rulebooks) -> None:
    for pack in rulebooks.packs:
        assert pack.rest_bits(Channel.CALLS) == pack.rest_bits(Channel.ROBOCALLS) == NIGHT
        assert pack.rest_bits(Channel.MESSAGES) == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_value_marked_as_unverified_is_one_that_the_pack_has(name: str, rulebooks: Rulebooks) -> None:
    pack = rulebooks.named(name)
    raw = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    for path in pack.unverified:
        section, _, key = path.partition(".")
        assert key in raw[section]
    assert {"rest.calls", "frequency.in_24_hours"} <= set(pack.unverified)  # no law states hours or frequencies


def test_what_order_74_says_of_days_and_fines_is_marked_as_unverified(rulebooks: Rulebooks) -> None:
    marked = set(rulebooks.named("2026").unverified)
    assert {f"deadlines.{name}" for name in ("forward", "handle", "tell_user")} <= marked
    assert {f"fines.{field.name}" for field in msgspec.structs.fields(Fines)} <= marked


@pytest.mark.parametrize(
    ("name", "before", "after", "why"),
    [
        ("2015.toml", "ends = 2026-04-30", "ends = 2026-04-29", "2026 does not begin on the day after 2015 ends"),
        ("2015.toml", "ends = 2026-04-30", "ends = 2026-05-01", "2026 does not begin on the day after 2015 ends"),
        ("2015.toml", "ends = 2026-04-30", "", "2026 does not begin on the day after 2015 ends"),
        ("2026.toml", "starts = 2026-05-01", "starts = 2026-05-01\nends = 2030-01-01", "open-ended"),
        ("2020-draft.toml", 'status = "proposed"', 'status = "in_force"', "does not begin on the day after"),
        ("2026.toml", "carriers = 60", "carriers = -1", "2026.toml"),
        ("2026.toml", "carriers = 60", 'carriers = "a minute"', "2026.toml"),
        ("2026.toml", "carriers = 60", "carrier = 60", "2026.toml"),
        ("2026.toml", 'required = ["messages"]', 'required = ["letters"]', "2026.toml"),
        ("2026.toml", 'name = "2026"', 'name = "2015"', "name"),
        ("2026.toml", 'name = "2026"', "name = ", "2026.toml"),
        ("2026.toml", "calls = [21,", "calls = [24,", "rest.calls"),
        ("2026.toml", '"rest.calls"', '"rest.letters"', "unverified"),
        ("2026.toml", '"rest.calls"', '"rest"', "unverified"),
        ("2015.toml", "ends = 2026-04-30", "ends = 2015-06-29", "ends before it starts"),
        ("2026.toml", "starts = 2026-05-01", "starts = 2026-05-32", "2026.toml"),
        ("2026.toml", "answer_days = 7 ", "# answer_days = 7 ", "answer_days"),
    ],
)
def test_packs_that_contradict_themselves_stop_the_start(
    folder: Path, name: str, before: str, after: str, why: str
) -> None:
    spoil(folder / name, before, after)
    with pytest.raises(SettingsError) as refused:
        load_rulebooks(folder)
    assert refused.value.code == "rulebook"
    assert why in refused.value.detail


def test_the_period_of_a_rulebook_is_the_one_in_which_it_is_chosen(rulebooks: Rulebooks) -> None:
    periods = rulebooks.periods()
    assert [pack.name for pack, _begins, _ends in periods] == ["2015", "2026"]
    assert [(begins, ends) for _pack, begins, ends in periods] == [
        (datetime(2015, 6, 29, 16, 0, tzinfo=UTC), datetime(2026, 4, 30, 16, 0, tzinfo=UTC)),
        (datetime(2026, 4, 30, 16, 0, tzinfo=UTC), None),
    ]


def test_a_pack_in_another_encoding_stops_the_start(folder: Path) -> None:
    text = (folder / "2026.toml").read_text(encoding="utf-8")
    (folder / "2026.toml").write_bytes(text.encode("gb18030"))
    with pytest.raises(SettingsError) as refused:
        load_rulebooks(folder)
    assert refused.value.detail.startswith("2026.toml: ")


def test_a_folder_without_packs_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        load_rulebooks(tmp_path)
