"""Pages of peaks and of officers' figures, and the command that keeps the calendar of peaks."""

from __future__ import annotations

import csv
import io
import re
from datetime import date

import pytest
from click.testing import CliRunner
from flask import Flask

from registry import measures, parties
from registry.assembly import Registry
from registry.outside.peakfile import NAME, peaks_of
from registry.peaks import load_peaks
from registry.times import to_micros
from tests.registry.counting import count, counts, fall, report, year_of
from tests.web.filled import Visitor, member
from tests.web.filled_measures import officer
from tests.web.filled_peaks import NEXT, confirmed, peaks_in
from web.commands import main


class Office:
    """Two years of peaks, a telemarketer that was warned, and browsers of both sides."""

    def __init__(self, app: Flask, registry: Registry) -> None:
        self.registry = registry
        for party, kind in (("regulator", "regulator"), ("loans", "telemarketer"), ("cmcc", "carrier")):
            parties.add_party(
                registry.store, registry.clock, party=party, kind=kind, name_zh=party, name_en=party.title()
            )
        peaks_in(registry, "loans")
        self.officer, self.auditor, self.publisher, self.investigator = (
            Visitor(app, member(registry, "regulator", role))
            for role in ("officer", "auditor", "publisher", "investigator")
        )
        self.owner, self.reader = (Visitor(app, member(registry, "loans", role)) for role in ("owner", "reader"))
        self.carrier = Visitor(app, member(registry, "cmcc", "owner"))


@pytest.fixture
def office(app: Flask, registry: Registry) -> Office:
    return Office(app, registry)


def test_officers_see_both_years_the_surge_and_which_years_have_no_figures(office: Office) -> None:
    page = office.officer.get("/officer/peaks")
    assert "2026: 1.8 × the base. 2025: 2.3 × the base. No figures of 2024, 2023." in page
    assert "Expected: about" not in page  # the window is over, and of the next nothing can be told yet
    assert "无账号群发有限公司" in page
    assert "Could not be warned: no account" in page
    assert "Told, not confirmed" in page
    narrowed = office.officer.get("/officer/peaks?category=retail")
    assert "2.3 ×" not in re.sub(r"<h3>.*?</table>", "", narrowed, flags=re.DOTALL)
    own = office.registry.store.enterprises.of_party("loans")
    assert own is not None
    assert "3.5 × the base" in office.officer.get(f"/officer/peaks?enterprise={own.enterprise}")


def test_the_lines_of_a_peak_are_a_file_by_days_from_it(office: Office) -> None:
    lines = office.auditor.get("/officer/peaks/november-11.csv?enterprise=&category=").splitlines()
    assert lines[0] == "\ufeffdays_from_peak,2026,2025,2024,2023"
    assert (lines[1], lines[-1]) == ("-49,900,900,,", "2,1600,2100,,")
    assert office.auditor.get("/officer/peaks/november-11.csv?category=retail").splitlines()[1] == "-49,0,0,,"
    office.auditor.get("/officer/peaks/may-day.csv", status=404)


def test_a_peak_that_runs_is_marked_and_what_it_may_come_to_is_said_with_how(office: Office) -> None:
    store, clock, peak = office.registry.store, office.registry.clock, load_peaks()[1]
    clock.moment = clock.moment.replace(month=11, day=2)  # type: ignore[attr-defined]
    year_of(store, peak, 2026, base=900, window=1800, until=date(2026, 11, 2))
    page = office.auditor.get("/officer/peaks")
    assert "2026 so far (12 whole days): 2.0 × the base." in page
    assert "Under way" in page
    assert "Expected: about 2,100 reports a day in the window (2,100 to 2,100)." in page
    assert "times the mean surge of 2025, no more" in page


def test_a_party_finds_the_warning_on_its_overview_and_confirms_it(office: Office) -> None:
    page = office.owner.get("/party/scrubs")
    assert "End of year comes: please prepare" in page
    assert "Last year there were 3.5 × as many about you" in page
    assert "We have read this" not in office.reader.get("/party/scrubs")
    office.reader.get("/party/peaks")
    office.reader.post(f"/party/peaks/{NEXT}/2026/confirm", status=403)
    assert "noted that you have read" in office.owner.post(f"/party/peaks/{NEXT}/2026/confirm")
    assert "please prepare" not in office.owner.get("/party/scrubs")
    assert "noted" not in office.owner.post(f"/party/peaks/{NEXT}/2026/confirm")
    office.owner.post(f"/party/peaks/{NEXT}/2025/confirm", status=404)
    office.owner.post("/party/peaks/may-day/2026/confirm", status=404)
    assert 'class="state ok">Confirmed' in office.officer.get("/officer/peaks")


def test_a_party_sees_its_own_line_and_who_has_none_is_told_why(office: Office) -> None:
    page = office.owner.get("/party/peaks")
    assert "2026: 3.5 × the base." in page
    assert "无账号群发有限公司" not in page
    assert "please prepare" not in office.carrier.get("/party")
    assert "No figures" in office.carrier.get("/party/peaks")
    parties.add_party(
        office.registry.store, office.registry.clock, party="small", kind="telemarketer", name_zh="小", name_en="Small"
    )
    stranger = Visitor(office.officer.client.application, member(office.registry, "small", "owner"))
    assert "no number resource names your company yet" in stranger.get("/party/peaks")


def test_officers_and_publishers_warn_by_hand_and_nobody_else(office: Office) -> None:
    page = office.publisher.get("/officer/peaks")
    assert page.count("Warn now") == 1  # the other peaks are too far away
    assert "0 were told now; 0 could not be told." in office.publisher.post(f"/officer/peaks/{NEXT}/warn")
    assert "too early" in office.publisher.post("/officer/peaks/june-18/warn")
    office.publisher.post("/officer/peaks/may-day/warn", status=404)
    for visitor in (office.auditor, office.investigator):
        assert "Warn now" not in visitor.get("/officer/peaks")
        visitor.post(f"/officer/peaks/{NEXT}/warn", status=403)


def test_a_calendar_of_peaks_that_cannot_be_used_breaks_its_own_page_alone(office: Office) -> None:
    (office.registry.instance / NAME).write_text("[feb-29]\nmonth = 2\n")
    assert "The calendar of peaks cannot be used" in office.officer.get("/officer/peaks")
    assert "please prepare" not in office.owner.get("/party/scrubs")
    assert "no number resource" in office.owner.get("/party/peaks")


def test_a_confirmed_warning_says_who_and_when_in_the_trail(office: Office) -> None:
    confirmed(office.registry, "loans")
    assert "peak_confirmed" in office.auditor.get("/officer/audit")


# figures


def test_figures_of_a_period_stand_in_tables_with_bars_and_in_files(office: Office) -> None:
    store, clock = office.registry.store, office.registry.clock
    counts(store, date(2026, 11, 20), all=40, state={"closed": 30, "forwarded": 10}, category={"loan": 40},
           province={"beijing": 25, "unknown": 15}, carrier={"cmcc": 40}, enterprise={"e_gone": 4})  # fmt: skip
    made = measures.propose(store, clock, actor=officer("a"), enterprise=store.enterprises.of_party("loans").enterprise,
                            kind="warn", facts="x")  # type: ignore[union-attr]  # fmt: skip
    with store.writing():
        store.engine.run("UPDATE measure SET state = 'in_force' WHERE measure = :it", it=made.measure)
    page = office.auditor.get("/officer/figures")
    assert "Reports received from 25 Oct 2026 to 23 Nov 2026." in page
    assert "Waits for an answer" in page
    assert "e_gone" in page
    assert "Warning</th><td class=\"n\">1</td>" in page
    file = office.auditor.get("/officer/figures/province.csv?period=2026-Q4")
    assert list(csv.reader(io.StringIO(file.removeprefix("\ufeff"))))[1:3] == [
        ["beijing", "Beijing", "25", "0", "0"], ["unknown", "Not known", "15", "0", "0"]
    ]  # fmt: skip
    days = office.auditor.get("/officer/figures/days.csv?period=2025").splitlines()
    assert (len(days), days[1]) == (366, "2025-01-01,0,0,0")
    for part in ("steps", "desks", "cases", "measures", "fines", "state", "enterprise"):
        assert office.auditor.get(f"/officer/figures/{part}.csv").startswith("\ufeff")
    office.auditor.get("/officer/figures/numbers.csv", status=404)


def test_figures_lead_to_the_reports_behind_them_for_who_may_see_those(office: Office) -> None:
    store, clock = office.registry.store, office.registry.clock
    fall(store, report("a", clock.now(), province="hunan", category=2, provider="", carrier="cmcc"))
    count(store, clock, office.registry.rulebooks)
    page = office.investigator.get("/officer/figures")
    found = set(re.findall(r'href="(/officer/reports\?[^"]+)"', page))
    assert found == {
        "/officer/reports?state=forwarded", "/officer/reports?state=all&amp;category=property",
        "/officer/reports?state=all&amp;class_=commercial", "/officer/reports?state=all&amp;province=hunan",
        "/officer/reports?state=all&amp;carrier=cmcc", "/officer/reports?desk=cmcc",
    }  # fmt: skip
    for address in found:
        assert "/officer/reports/abbbbbbbbbbb" in office.investigator.get(address.replace("&amp;", "&")), address
    operator = Visitor(office.officer.client.application, member(office.registry, "regulator", "operator"))
    assert "/officer/reports?" not in operator.get("/officer/figures")


def test_a_period_that_is_none_shows_the_last_days(office: Office) -> None:
    for wrong in ("2027", "x" * 50, "2026-Q9"):
        assert "to 23 Nov 2026" in office.officer.get(f"/officer/figures?period={wrong}")
    assert "from 1 Jan 2025 to 31 Dec 2025" in office.officer.get("/officer/figures?period=2025")
    office.owner.get("/officer/figures", status=403)


def test_an_office_without_any_report_says_so_instead_of_drawing_nothing(app: Flask, registry: Registry) -> None:
    parties.add_party(
        registry.store, registry.clock, party="regulator", kind="regulator", name_zh="局", name_en="Office"
    )
    visitor = Visitor(app, member(registry, "regulator", "operator"))
    page = visitor.get("/officer/figures")
    assert "Nothing was counted yet" in page
    assert "No report has come in during these days." in page
    assert "Nobody was warned yet." in visitor.get("/officer/peaks")


def test_what_is_counted_is_what_the_clockworks_job_counts(office: Office) -> None:
    from sync.upkeep import JOBS

    registry = office.registry
    fall(registry.store, report("late", registry.clock.now(), due=registry.clock.now()))
    done = JOBS["figures"].work(registry, lambda: None)
    assert done == {"days": 1, "warned": 0}
    page = office.officer.get("/officer/figures")
    assert "open now, 1 overdue" in page
    assert registry.store.day_counts.marks()[1] == to_micros(registry.clock.now())


# the command


def test_the_calendar_of_peaks_is_listed_and_set_by_command(registry: Registry) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(main, ["--instance", str(registry.instance), "peaks", *words])
        return done.output

    assert "november-11\t11-11\t21 days before to 2 after" in run("list")
    assert "14 days before to 2 after" in run("set", "june-18", "--before", "14")
    assert "a peak is a table with" in run("set", "feast", "--month", "3")
    new = ("feast", "--month", "2", "--day", "29", "--before", "3", "--after", "1", "--base", "14", "--warn", "7",
           "--surge", "2", "--name-zh", "节", "--name-en", "Feast")  # fmt: skip
    assert "not every year has this date" in run("set", *new)
    assert "feast\t02-28" in run("set", *new[:4], "28", *new[5:])
    assert [peak.peak for peak in peaks_of(registry.instance)] == ["feast", "june-18", "november-11"]
