"""Companies that want an account, for tests."""

from __future__ import annotations

from typing import Any

from registry import applications, organisations
from registry.applications import Application, Wish
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.settings import ApplicationSettings
from registry.store import Store
from registry.uscc import CompanyNumber, company_number
from tests.doubles import FakeClock

HUAWEI, TENCENT, ALIBABA = (
    company_number(code) for code in ("914403001922038216", "9144030071526726XG", "91330000717612522B")
)
SETTINGS = ApplicationSettings()


def wish(plan: NumberPlan, **other: Any) -> Wish:
    """What a company says of itself."""
    said: dict[str, Any] = {
        "name_zh": "深圳快拨科技有限公司", "name_en": "Swift Dial Technology Co., Ltd.", "company": HUAWEI,
        "sectors": ["loan", "insurance"], "itself": True, "principals": [],
        "contact": organisations.contact_of(plan, name="王芳", email="Wang@Swift.example", phone="138 0013 8000"),
    }  # fmt: skip
    return applications.wish_of(**{**said, **other})


class Applicant:
    """Somebody who applies, and what came of it."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, settings: ApplicationSettings = SETTINGS) -> None:
        self.store, self.keys, self.clock, self.settings = store, keys, clock, settings
        self._forms = 0

    def apply(self, wish: Wish, *, form: str = "", address: str = "192.0.2.1") -> tuple[str, str]:
        self._forms += 1
        return applications.apply(
            self.store, self.keys, self.clock, self.settings, wish=wish, form=form or f"form {self._forms}",
            address=address, language="en",
        )

    def look(self, reference: str, secret: str, *, address: str = "192.0.2.1") -> Application:
        return applications.look_up(
            self.store, self.keys, self.clock, self.settings, reference=reference, secret=secret, address=address
        )

    def approve(self, reference: str, party: str = "swift", **other: Any) -> str:
        _party, token = applications.approve(
            self.store, self.keys, self.clock, reference=reference, party=party, actor="member:officer", **other
        )
        return token


def principal(code: CompanyNumber = TENCENT, name: str = "某银行股份有限公司") -> tuple[str, CompanyNumber]:
    return name, code
