"""List keys that only their recipient can unwrap."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from registry import audit, epochs, keydelivery
from registry.errors import ConflictError, FeedError, InvalidInputError, UnavailableError
from registry.keys import KeyRing
from registry.settings import KeySettings
from registry.store import Store
from tests.doubles import FakeClock

RING = KeyRing(masters={1: bytes(range(32)), 2: bytes(range(32, 64))})


def deliver(store: Store, clock: FakeClock, ring: KeyRing = RING) -> tuple[keydelivery.WrappedKey, ...]:
    return keydelivery.deliver(store, clock, ring, KeySettings(), party="cmcc")


def new_key() -> bytes:
    return X25519PrivateKey.generate().private_bytes_raw()


def test_a_recipient_gets_its_list_keys_of_every_epoch(store: Store, clock: FakeClock) -> None:
    private = new_key()
    keydelivery.register(
        store, clock, party="cmcc", public_key=base64.b64encode(keydelivery.public_of(private)).decode()
    )
    assert [key.epoch for key in deliver(store, clock)] == [1]  # a master without its row has not begun
    epochs.rotate(store, clock, RING, KeySettings())
    delivered = deliver(store, clock)
    assert [key.epoch for key in delivered] == [1, 2]
    for key in delivered:
        unwrapped = keydelivery.unwrap(private, key.wrapped, party="cmcc", epoch=key.epoch)
        assert unwrapped == RING.list_key("cmcc", key.epoch)
    assert keydelivery.known_since(store, party="cmcc") == clock.now()


def test_nobody_else_can_unwrap_and_no_key_passes_for_another() -> None:
    private = new_key()
    wrapped = keydelivery.wrap(keydelivery.public_of(private), b"k" * 32, party="cmcc", epoch=1)
    for stranger, content, party, epoch in (
        (new_key(), wrapped, "cmcc", 1),
        (private, wrapped, "ctcc", 1),
        (private, wrapped, "cmcc", 2),
        (private, wrapped[:-1], "cmcc", 1),
        (private, b"", "cmcc", 1),
    ):
        with pytest.raises(FeedError) as caught:
            keydelivery.unwrap(stranger, content, party=party, epoch=epoch)
        assert caught.value.code == "key_not_ours"


@pytest.mark.parametrize("public_key", ["", "not base64!", base64.b64encode(b"short").decode(), "A" * 43 + "="])
def test_a_public_key_that_cannot_be_one_is_refused(sqlite_store: Store, clock: FakeClock, public_key: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        keydelivery.register(sqlite_store, clock, party="cmcc", public_key=public_key)
    assert caught.value.code == "bad_public_key"


def test_without_a_public_key_nothing_is_delivered(store: Store, clock: FakeClock) -> None:
    with pytest.raises(ConflictError) as caught:
        deliver(store, clock)
    assert caught.value.code == "no_public_key"


def test_keys_are_delivered_until_their_retention_is_over(store: Store, clock: FakeClock) -> None:
    register(store, clock, new_key())
    epochs.rotate(store, clock, RING, KeySettings())
    clock.advance(days=29)
    assert [key.epoch for key in deliver(store, clock)] == [1, 2]
    clock.advance(days=1)
    assert [key.epoch for key in deliver(store, clock)] == [2]


def test_a_process_that_lacks_the_newest_master_delivers_nothing_and_says_so(store: Store, clock: FakeClock) -> None:
    register(store, clock, new_key())
    epochs.rotate(store, clock, RING, KeySettings())
    with pytest.raises(UnavailableError) as caught:
        deliver(store, clock, KeyRing(masters={1: bytes(range(32))}))
    assert caught.value.code == "epoch_not_held"


def register(store: Store, clock: FakeClock, private: bytes) -> None:
    public = base64.b64encode(keydelivery.public_of(private)).decode()
    keydelivery.register(store, clock, party="cmcc", public_key=public)


def test_another_public_key_takes_the_old_ones_place_and_is_audited_once(store: Store, clock: FakeClock) -> None:
    first, second = new_key(), new_key()
    for private in (first, first, second, second):
        register(store, clock, private)
        clock.advance(days=1)
    said = [(entry.action, entry.actor, entry.facts) for entry in reversed(audit.entries(store))]
    assert said == [
        (action, "party:cmcc", {"fingerprint": keydelivery.fingerprint(keydelivery.public_of(private))})
        for action, private in (("public_key_registered", first), ("public_key_changed", second))
    ]
    known, changed = store.feeds.keys_known()["cmcc"]
    assert changed - known == 2 * 86_400_000_000
    (delivered,) = deliver(store, clock)
    assert keydelivery.unwrap(second, delivered.wrapped, party="cmcc", epoch=1) == RING.list_key("cmcc", 1)
    with pytest.raises(FeedError):
        keydelivery.unwrap(first, delivered.wrapped, party="cmcc", epoch=1)
