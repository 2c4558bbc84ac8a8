"""Profiles at rest: what each party asked for in a month, what young ones asked for together, whose customers are real.

Rules of this room: sealed by AES-GCM in a row each; whoever changes one looks whether somebody else has done so
meanwhile, and then begins again, so that what takes long is done outside of transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import sealing
from registry.profiles import Profile, unpacked
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.watch import Watch

YOUNG, CUSTOMERS = "*young", "*customers"  # no party has such an id

Raw = bytes | None  # a profile as it lies in the table; None: there is none yet


def profile_of(watch: Watch, party: str, epoch: int) -> Profile:
    """What a party (or YOUNG, CUSTOMERS) asked for in a month."""
    return opened(watch, watch.store.guard.profile(party, epoch=epoch))


def opened(watch: Watch, raw: Raw) -> Profile:
    """The profile of a row."""
    return unpacked(sealing.unseal_bytes(watch.key, raw)) if raw is not None else Profile()


def sealed(watch: Watch, profile: Profile) -> bytes:
    """A profile as it is kept."""
    return sealing.seal_bytes(watch.key, profile.pack())


def put_inside(watch: Watch, party: str, epoch: int, *, before: Raw, content: bytes) -> bool:
    """Inside `writing()`: keep a sealed profile; False, and nothing is done, where it is not `before` any longer."""
    rows = watch.store.guard
    if rows.profile(party, epoch=epoch) != before:
        return False
    rows.put_profile(party, epoch=epoch, at=to_micros(watch.ledger.clock.now()), content=content)
    return True


def add(watch: Watch, party: str, epoch: int, seen: Profile) -> None:
    """Add to what is kept."""
    while True:
        before = watch.store.guard.profile(party, epoch=epoch)
        content = sealed(watch, watch.chooser.joined((opened(watch, before), seen)))
        with watch.store.writing(about=f"profile {party}"):
            if put_inside(watch, party, epoch, before=before, content=content):
                return


def replace(watch: Watch, party: str, epoch: int, profile: Profile) -> None:
    """Keep another profile."""
    content, now = sealed(watch, profile), to_micros(watch.ledger.clock.now())
    with watch.store.writing(about=f"profile {party}"):
        watch.store.guard.put_profile(party, epoch=epoch, at=now, content=content)
