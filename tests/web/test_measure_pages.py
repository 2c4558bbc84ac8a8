"""Pages of measures: carriers confirm, whoever a measure is against appeals, everybody reads the public lists."""

from __future__ import annotations

import pytest
from flask import Flask

from registry import credit, enterprises, measures, orders
from registry.assembly import Registry
from tests.doubles import FakeClock
from tests.web.filled import Viewers, Visitor, fill, member
from tests.web.filled_measures import officer


@pytest.fixture
def viewers(registry: Registry) -> Viewers:
    return fill(registry)


def test_a_seller_reads_what_a_measure_stands_on_and_appeals_once(
    app: Flask, registry: Registry, clock: FakeClock, viewers: Viewers
) -> None:
    clock.advance(minutes=1)
    assert measures.run_due(registry.store, clock) == {"started": 1, "expired": 0}
    seller = Visitor(app, viewers.tokens["seller"])
    assert "Service suspended" in seller.get("/party/measures")
    address = f"/party/measures/{viewers.measure}"
    page = seller.get(address)
    for text in ("many upheld reports", "Rules 92, 93", "In force"):
        assert text in page
    assert "Please say why." in seller.post(address, status=422, text=" ")
    page = seller.post(address, text="It was not our number.")
    assert "Your appeal was taken down." in page
    assert "Appealed against" in page
    assert measures.of(registry.store, viewers.measure).appeal == "It was not our number."
    assert "appealed against it before" in seller.post(address, text="Again.")
    seller.get("/party/measures/bcdfghjkmnpq", status=404)


def test_a_carrier_confirms_with_one_button_and_the_order_is_gone(
    app: Flask, registry: Registry, clock: FakeClock, viewers: Viewers
) -> None:
    carrier = Visitor(app, member(registry, "cmcc", "clerk"))
    assert "快贷有限公司" in carrier.get("/party/measures")
    page = carrier.post(f"/party/measures/{viewers.measure}/begin/confirm")
    assert "Confirmed: it was carried out." in page
    assert "Nothing waits for you." in page
    assert orders.orders_of(registry.store, clock, registry.keys, party="cmcc", open_only=True) == ()
    carrier.post(f"/party/measures/{viewers.measure}/end/confirm", status=404)
    reader = Visitor(app, member(registry, "cmcc", "reader"))
    reader.get("/party/measures")
    reader.get(f"/party/measures/{viewers.measure}", status=403)


def test_everybody_reads_both_lists_and_nothing_that_is_internal(
    app: Flask, registry: Registry, clock: FakeClock
) -> None:
    whom = enterprises.enrol(registry.store, clock, name="甲公司").enterprise
    for kind, text, public in (("bad_operation", "went on calling", True), ("dishonesty", "lied to us", False)):
        credit.enter(
            registry.store, clock, actor=officer("ben"), enterprise=whom, kind=kind, text=text, public=public
        )
    page = Visitor(app).get("/credit")
    assert "went on calling" in page
    assert "甲公司" in page
    assert "lied to us" not in page
    assert "经营不良名单" in Visitor(app, language="zh_CN").get("/credit")
