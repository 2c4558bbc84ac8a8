"""Ledgers of number resources with everything in them: sublets, a change of purpose, gaps, rows that were not taken."""

from __future__ import annotations

import io
from datetime import timedelta

from registry import credit, enterprises, ledgers
from registry.assembly import Registry
from registry.ledger_rows import FIELDS
from registry.ledgers import Ledger
from registry.numbers import parse_caller
from registry.readers import read
from registry.sealing import seal_one
from tests.web.filled_measures import officer

HEAD = "kind,prefix,number,provider,provider_company,content,purpose,licence,signature,from,until"
PORT = "port,10690001,,甲通信公司,91110000600037341L,丙商场,通知,B2-20260001,丙商场,2026-01-01,"
SUBLET = "port,1069000123,,乙信息公司,,丁教育公司,推销,,,2026-03-01,"
GAP = "code,95501,,,,,客服,,,2026-01-01,"
PLAIN = "plain,,13800138000,甲通信公司,,,客服,,,2026-02-01,"


def take(registry: Registry, *rows: str, carrier: str = "cmcc", days: int = 0, sure: bool = False) -> Ledger:
    """Take a list in as of so many days from now."""
    day = registry.clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
    done, _ = ledgers.take_in(
        registry.store, registry.keys, registry.clock, registry.plan, actor="test", carrier=carrier, day=day, sure=sure,
        rows=read(io.BytesIO("\n".join([HEAD, *rows, ""]).encode()), format="csv", columns=FIELDS),
    )
    return done


def ledger_of(registry: Registry) -> tuple[str, str, str, str, str]:
    """A list of cmcc of which rows were held and refused, a sublet and a plain number of it, who is restricted, and who
    reports and cases are against."""
    store, clock = registry.store, registry.clock
    take(registry, PORT, SUBLET, GAP, PLAIN, days=-20)
    barred = enterprises.enrol(store, clock, name="己失信公司")
    credit.enter(store, clock, actor=officer("ben"), enterprise=barred.enterprise, kind="dishonesty", text="屡次转租",
                 public=True, since=clock.now() - timedelta(days=30))  # fmt: skip
    done = take(
        registry, PORT, SUBLET.replace("推销", "通知"), GAP, PLAIN, "port,10690002,,己失信公司,,,,,,,",
        "code,95501,,甲通信公司,,,,,,,", "port,955,,甲通信公司,,,,,,,", days=-1,
    )
    number = seal_one(registry.keys.at_rest, parse_caller("13800138000", registry.plan))
    return (
        done.ledger, store.enterprises.under(["1069000123"])[-1].resource,
        store.enterprises.of_numbers([number])[0].resource, barred.enterprise,
        enterprises.enrol(store, clock, name="群呼公司").enterprise,
    )


def resource_pages(made: tuple[str, str, str, str, str]) -> list[tuple[str, str, str]]:
    """(endpoint, address, viewer) of the pages of resources, ledgers and enterprises."""
    ledger, sublet, plain, barred, accused = made
    return [
        *(("resources.overview", f"/officer/resources?list={kind}", "auditor")
          for kind in ("sublet", "purpose", "gaps", "ledgers")),
        ("resources.overview", "/officer/resources?list=carrier&carrier=cmcc", "investigator"),
        *(("resources.one", f"/officer/resources/{each}", "investigator") for each in (sublet, plain)),
        ("resources.one", f"/officer/resources/{sublet}?date=2020-01-01", "decider"),
        ("enterprises.search", "/officer/enterprises", "auditor"),
        ("enterprises.search", "/officer/enterprises?q=公司", "officer"),
        *(("enterprises.one", f"/officer/enterprises/{each}", "investigator") for each in (barred, accused)),
        ("ledgers.overview", "/party/resources", "owner"),
        ("ledgers.one", f"/party/resources/lists/{ledger}", "owner"),
    ]  # fmt: skip
