"""Secrets that a page shows once after a redirect: sealed in the signed form cookie until the next page takes them."""

from __future__ import annotations

from flask import session

from registry.errors import InvalidInputError
from registry.sealing import seal_text, unseal_text
from web.current import registry_of

_PLACE = "once"


def _key() -> bytes:
    return registry_of().keys.derive("cookie", "shown-once")


def hand_over(name: str, secret: str) -> None:
    """Keep a secret for the page that comes next."""
    session[_PLACE] = {name: seal_text(_key(), secret).hex()}


def take(name: str) -> str:
    """The secret that was kept under a name, which is gone then; an empty text where there is none."""
    kept = session.get(_PLACE) or {}
    if name not in kept:
        return ""
    session.pop(_PLACE)
    try:
        return unseal_text(_key(), bytes.fromhex(kept[name]))
    except InvalidInputError:  # sealed before the keys were changed
        return ""
