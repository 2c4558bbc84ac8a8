"""Publishing: plan → build → sign → follow the result as a carrier would → shelve → move the pointer (DESIGN §4).

Rules of this room:
- A round claims what is pending as the next edition, or resumes the open one; then every recipient is brought up to the
  newest edition. One that fails does not stop the others, and catches up in the next round.
- Nothing is shelved that a follower would not take, and nothing but the pointer ever changes under its name. Killed at
  any step, the next round drafts the same edition again with the same rows.
- While two key epochs are published, a recipient's feed has an index of each, brought up one after the other.
- A number of an edition is used once: where the shelf knows a newer edition than the database, nothing is published.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tuf.api.metadata import Root

from registry import editions, epochs, roots
from registry.editions import FeedIndex
from registry.errors import ConflictError, FeedError, RegistryError, UnavailableError
from registry.logs import log
from registry.outside.shelf import refused
from registry.store.feeds import FeedEditionRow, Recipient
from registry.times import from_micros, to_micros
from registry.webhook_events import EDITION_PUBLISHED, emit
from sync import bring, copies, feed, freshness, mark, rolling, sandbox, trust
from sync.claim import claim
from sync.drafting import Draft, Round, draft
from sync.mirror import Mirror
from sync.source import ShelfSource

if TYPE_CHECKING:
    from registry.assembly import Registry

Keep = Callable[[], None]
_STOPS = {"lease_lost", "stopping"}  # who must stop, stops with all recipients
_log = log("publish")


def _nothing() -> None:
    """Keeps no lease."""


def publish_once(
    registry: Registry, *, keep: Keep = _nothing, anew: Mapping[str, feed.Head] | None = None
) -> dict[str, int]:
    """One round: claim, publish to every recipient, renew pointers; the counts `editions`, `feeds`, `rows`, `renewed`.

    `keep` is called now and then, to renew a lease; what it raises stops the round. `anew`: heads in whose place a feed
    begins anew (recovery.py). Raises ConflictError `database_behind_shelf`, UnavailableError `feeds_failed` when all is
    done but some recipients failed.
    """
    anew = anew or {}
    counts = {"editions": 0, "feeds": 0, "rows": 0, "renewed": 0}
    failures: dict[str, str] = {}
    registry.signing.look_again()
    roots.trusted_root(registry.shelf, registry.signing, registry.clock.now())
    trusted = roots.all_roots(registry.shelf)
    signing = registry.signing.under(trusted[0])
    everybody = registry.store.feeds.recipients()
    heads = _heads(registry, [each for each in everybody if each.party not in anew], trusted, failures) | dict(anew)
    feed.bring_newest(registry.shelf, [party for party, head in heads.items() if head is not None], trusted[0])
    try:
        mark.must_not_be_behind(registry, heads.values())
        epochs.must_be_held(registry.store, registry.keys)
    except RegistryError:
        readable = {party: head for party, head in heads.items() if party not in anew}
        # what was published stays good until somebody helps
        freshness.renew(registry, readable, failures, signing=signing, keep=keep)
        raise
    recipients = [recipient for recipient in everybody if recipient.party in heads]
    sandbox.move_on(registry)
    found = claim(registry.store, registry.clock, registry.keys, registry.plan, first=bool(recipients))
    newest = registry.store.editions.edition(registry.store.editions.newest())
    if newest is not None:
        if found is not None:
            mark.put(registry.shelf, newest.edition)
        with scratch(registry) as folder:
            work = Round(
                registry, newest.edition, from_micros(newest.opened), folder, signing,
                epochs=epochs.published(registry.store, registry.clock, registry.settings.keys),
                resumed=registry.store.editions.resumed(), anew=frozenset(anew),
            )
            counts |= _recipients(work, recipients, heads, trusted, keep, failures)
    if found is not None and not (failures and not counts["feeds"]):
        with registry.store.writing(about="edition"):
            registry.store.editions.publish(edition=found.edition, at=to_micros(registry.clock.now()))
        counts["editions"] += 1
    counts["renewed"] = freshness.renew(registry, heads, failures, signing=signing, keep=keep)
    if rolling.is_due(registry):
        try:
            with scratch(registry) as folder:
                rolling.roll(registry, upto=registry.store.editions.newest(), scratch=folder)
        except FeedError as error:
            _failed("base", error, failures)
    if failures:
        words = "; ".join(f"{party}: {why}" for party, why in sorted(failures.items()))
        raise UnavailableError(f"Some feeds could not be published. {words}", code="feeds_failed", **counts)
    return counts


def _recipients(
    work: Round, recipients: Sequence[Recipient], heads: dict[str, feed.Head | None], trusted: Sequence[Root],
    keep: Keep, failures: dict[str, str],
) -> dict[str, int]:
    """Publish to all recipients; the counts `feeds` and `rows`."""
    done = [_recipient(work, recipient, heads, trusted, keep, failures) for recipient in recipients]
    for epoch in work.epochs:
        if epoch not in work.registry.keys.masters:  # its lists stand still
            error = UnavailableError(f"This process lacks the master of key epoch {epoch}.", code="epoch_not_held")
            _failed(f"epoch {epoch}", error, failures)
    rows = [each for each in done if each is not None]
    return {"feeds": len(rows), "rows": sum(rows)}


# --- one recipient ----------------------------------------------------------------------------------------------------


def _recipient(
    work: Round, recipient: Recipient, heads: dict[str, feed.Head | None], trusted: Sequence[Root], keep: Keep,
    failures: dict[str, str],
) -> int | None:
    """Publish to one recipient in every key epoch, each a step of its own; how many rows, None for nothing.

    Takes it out of `heads`, which are to be renewed, where its pointer is as fresh as can be.
    """
    rows: int | None = None
    for epoch in work.epochs:
        if epoch not in work.registry.keys.masters:
            continue
        keep()
        before = dict(failures)
        done = _one(work, recipient, epoch, heads.get(recipient.party), keep, failures)
        if done is not None:
            rows = (rows or 0) + done
        if done is not None or failures != before:  # its pointer may have moved before it failed
            heads.pop(recipient.party, None)
            heads |= _heads(work.registry, [recipient], trusted, failures)
            if recipient.party not in heads:
                break
    if rows is not None and recipient.party not in failures:
        heads.pop(recipient.party, None)
    return rows


def _one(
    work: Round, recipient: Recipient, epoch: int, head: feed.Head | None, keep: Keep, failures: dict[str, str]
) -> int | None:
    """Publish to one recipient in one key epoch; how many rows, None for nothing or a failure, which is noted."""
    try:
        return _publish(work, recipient, epoch, head, keep)
    except RegistryError as error:
        if error.code in _STOPS:
            raise
        _failed(recipient.party, error, failures)
    except OSError as error:
        _failed(recipient.party, refused(error, "publisher"), failures)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one feed, the others go on
        detail = f"A mistake of ours in this feed ({type(error).__name__})."
        _failed(recipient.party, ConflictError(detail, code="mistake"), failures)
        _log.exception("feed_failed", party=recipient.party)
    return None


def _publish(work: Round, recipient: Recipient, epoch: int, head: feed.Head | None, keep: Keep) -> int | None:
    registry, party = work.registry, recipient.party
    index = head.of(epoch) if head is not None else None
    if index is not None:
        _note(registry, index)
        if index.newest >= work.edition:
            return _end_overlap(work, party, head)
        if work.begins_anew(index):
            index = None
    folder = work.folder / f"{party}-{epoch}"
    folder.mkdir()
    mirror = copies.copy_of(registry, party, epoch, index, folder)
    made = draft(work, recipient, epoch, index, mirror, folder)
    if made is None:
        return _end_overlap(work, party, head)
    feed.bring_roots(registry.shelf, party)
    signed = _advanced(work, head, made.index)
    _rehearse(registry, made, signed, mirror)
    for name, path in made.staged.items():
        size = path.stat().st_size if isinstance(path, Path) else len(path)
        if party in work.anew or registry.shelf.size(feed.place(party, name)) != size:
            registry.shelf.put(feed.place(party, name), path)
    keep()
    for name, content in signed.items():
        if name == feed.POINTER and party not in work.anew:
            feed.must_still_stand(registry.shelf, party, head)
        registry.shelf.put(feed.place(party, name), content)
    copies.follow(registry, mirror, made)
    _note(registry, made.index)
    shutil.rmtree(folder, ignore_errors=True)
    return sum(part.rows for file in made.files for part in (*file.parts, *file.exceptions))


def _advanced(work: Round, head: feed.Head | None, *fresh: FeedIndex) -> dict[str, bytes]:
    """The metadata of a feed that gets these indexes; those of the other epochs stay while they are published."""
    registry, renewed = work.registry, {index.epoch for index in fresh}
    others = head.indexes if head is not None else ()
    stay = [index for index in others if index.epoch in work.epochs and index.epoch not in renewed]
    hours = registry.settings.publish.timestamp_hours
    return feed.advance(head, [*fresh, *stay], work.signing, registry.clock.now(), hours=hours)


def _end_overlap(work: Round, party: str, head: feed.Head | None) -> int | None:
    """Take the indexes of epochs that are published no more out of a feed that has the newest one; 0 rows, or None."""
    if head is None or head.index is None or head.index.epoch != work.epochs[0]:
        return None
    if all(index.epoch in work.epochs for index in head.indexes):
        return None
    for name, content in _advanced(work, head).items():
        work.registry.shelf.put(feed.place(party, name), content)
    return 0


def _rehearse(registry: Registry, made: Draft, signed: dict[str, bytes], mirror: Mirror) -> None:
    """Follow what is to be shelved as a carrier would, from the first root on. Raises FeedError where one would refuse.

    From a list of the edition before, and from nothing where there is a new full list.
    """
    party, scratch = made.index.recipient, made.rehearsal
    scratch.mkdir()
    source = ShelfSource(registry.shelf, party, {**made.staged, **signed})
    first = registry.shelf.get(f"{roots.TRUST}/1.root.json")
    index = trust.newest(
        source, scratch / "trust", first, registry.clock.now(), recipient=party,
        choose=lambda _offered: made.index.epoch,
    ).index
    entry = index.edition(index.newest)
    if made.delta is not None and made.prepared is not None:
        path = editions.cheapest_path(index, editions.Edition(mirror.edition))
        if path[0].kind == "full":  # of a tiny list it may be cheaper than any change set
            path = tuple(file for file in made.files if file.kind == "delta")
        bring.fetch(source, path, scratch)
        found = bring.change_set(path, scratch)
        same = np.array_equal(found.records, made.delta.records) and np.array_equal(
            found.exceptions, made.delta.exceptions
        )
        state = (made.prepared if same else mirror.preview(found.records, found.exceptions)).after
        _must_agree(entry, state.entries, state.content_root, state.exceptions_root)
    if made.full is not None:
        bring.fetch(source, [made.full], scratch)
        entries, content_root = bring.root_of_full(made.full, scratch)
        exceptions = bring.change_set([bring.only_exceptions(made.full)], scratch).exceptions
        _must_agree(entry, entries, content_root.hex(), editions.exceptions_root(exceptions).hex())


def _must_agree(entry: editions.FeedEdition, entries: int, content_root: str, exceptions_root: str) -> None:
    if (entry.entries, entry.content_root, entry.exceptions_root) != (entries, content_root, exceptions_root):
        detail = "What was built is not what a follower would come to; it is not published."
        raise FeedError(detail, code="root_differs")


def _note(registry: Registry, index: FeedIndex) -> None:
    """Keep what a feed offers as its newest edition, unless it is kept already."""
    if registry.store.feeds.edition(recipient=index.recipient, edition=index.newest, epoch=index.epoch) is not None:
        return
    entry = index.edition(index.newest)
    files = [file for file in index.files if file.to == index.newest and file.epoch == index.epoch]
    parts = [part for file in files for part in (*file.parts, *file.exceptions)]
    changed = [part for file in files if file.kind == "delta" for part in (*file.parts, *file.exceptions)]
    row = FeedEditionRow(
        recipient=index.recipient,
        edition=index.newest,
        kind="+".join(dict.fromkeys(file.kind for file in files)),
        rows=sum(part.rows for part in parts),
        size=sum(part.bytes for part in parts),
        entries=entry.entries,
        content_root=bytes.fromhex(entry.content_root),
        exceptions_root=bytes.fromhex(entry.exceptions_root),
        published=to_micros(registry.clock.now()),
        changes=sum(part.rows for part in changed),
        change_bytes=sum(part.bytes for part in changed),
        epoch=index.epoch,
    )
    told = {"edition": row.edition, "kind": row.kind, "rows": row.rows, "bytes": row.size, "entries": row.entries}
    with registry.store.writing(about=f"feed {index.recipient}"):
        registry.store.feeds.put_edition(row)
        emit(
            registry.store, registry.clock, type=EDITION_PUBLISHED, party=index.recipient,
            data={**told, "content_root": entry.content_root},
        )


# --- the round --------------------------------------------------------------------------------------------------------


def _heads(
    registry: Registry, recipients: Sequence[Recipient], trusted: Sequence[Root], failures: dict[str, str]
) -> dict[str, feed.Head | None]:
    """Where feeds stand, by party; those that are damaged are among the failures instead."""
    heads: dict[str, feed.Head | None] = {}
    for recipient in recipients:
        try:
            head = feed.read_head(registry.shelf, recipient.party, trusted[0], trusted[1:])
            offered = registry.store.feeds.newest_edition(recipient.party)
            begun = head is not None and not head.indexes  # signed by a key that counts no more: it begins anew
            if offered > (head.newest if head is not None else 0) and not begun:
                raise feed.damaged(recipient.party)  # the pointer is gone, or an old one is back
            heads[recipient.party] = head
        except FeedError as error:
            _failed(recipient.party, error, failures)
    return heads


@contextmanager
def scratch(registry: Registry) -> Iterator[Path]:
    """A fresh folder for the work of a round; what an earlier one left goes."""
    folder = registry.instance / "mirrors" / ".work"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise refused(error, "publisher") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _failed(party: str, error: RegistryError, failures: dict[str, str]) -> None:
    failures[party] = error.detail
    _log.warning("feed_failed", party=party, reason=error.detail, code=error.code)
