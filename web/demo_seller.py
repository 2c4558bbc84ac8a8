"""The demo's telemarketer: a company with a principal, somebody who signs in and checks lists, a list to try.

Rules of this room: as in `demo`; the sign-in is of the demo alone and lies beside it, with mode 600.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np
import numpy.typing as npt

from registry import credentials, organisations, parties
from registry.assembly import Registry
from registry.numbering import draw_numbers
from registry.uscc import company_number

SELLER = ("shouyi", "首易金融服务公司", "First Easy Finance")
EMAIL = "scrubber@demo.example"
LIST = "call-list.csv"
LINES = 20_000
_PRINCIPAL = ("某银行股份有限公司", "914403001922038216")
_SIGN_IN = "scrubber.txt"
_NAMES = ["王芳", "李伟", "张敏", "刘洋", "陈静", "杨帆", "赵磊", "黄丽", "周杰", "吴霞"]
_ODD = ("", "转接前台", "1.38001E+10", "12345", "138-0013", "13800138000/13900139000")


def add_seller(registry: Registry, folder: Path) -> tuple[str, str]:
    """The telemarketer's email and password; made at the first start."""
    store, clock = registry.store, registry.clock
    party, name_zh, name_en = SELLER
    path = folder / _SIGN_IN
    if store.parties.party(party) is None:
        parties.add_party(store, clock, party=party, kind="telemarketer", name_zh=name_zh, name_en=name_en)
        organisations.add_principal(
            store, clock, party=party, name=_PRINCIPAL[0], company=company_number(_PRINCIPAL[1])
        )
    if store.parties.member_of_email(EMAIL) is None:
        password = secrets.token_urlsafe(12)
        path.touch(mode=0o600)
        path.write_text(f"{EMAIL}\n{password}\n")
        added = parties.add_member(store, clock, party=party, email=EMAIL, name="王芳", role="scrubber")
        token = credentials.invite(store, clock, member=added.member)
        credentials.accept_invitation(store, clock, registry.settings.site, token=token, password=password)
    email, password = path.read_text().split()
    return email, password


def write_list(registry: Registry, registered: npt.NDArray[np.uint64], path: Path, seed: int) -> Path:
    """A call list as companies have them: a third of it registered (u64 digits), some of it no number at all."""
    if path.exists():
        return path
    random = np.random.default_rng(seed + 2)
    known = random.choice(registered, LINES // 3)
    numbers = np.concatenate([known, draw_numbers(registry.plan, LINES - len(known), seed + 2)])
    random.shuffle(numbers)
    lines = ["序号,姓名,手机,城市\n"]
    for place, number in enumerate(numbers.tolist(), 1):
        text = str(number).removeprefix("86")
        text = text if text.startswith("1") and len(text) == 11 else f"0{text}"
        if place % 97 == 0:
            text = _ODD[place // 97 % len(_ODD)]
        elif place % 5 == 0 and len(text) == 11:
            text = f"{text[:3]} {text[3:7]} {text[7:]}"
        lines.append(f"{place},{_NAMES[place % len(_NAMES)]},{text},北京\n")
    path.touch(mode=0o600)
    path.write_text("".join(lines), encoding="utf-8-sig")
    return path
