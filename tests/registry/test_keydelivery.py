"""List keys that only their recipient can unwrap."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from registry import keydelivery
from registry.errors import ConflictError, FeedError, InvalidInputError
from registry.keys import KeyRing
from registry.store import Store
from tests.doubles import FakeClock

RING = KeyRing(masters={1: bytes(range(32)), 2: bytes(range(32, 64))})


def new_key() -> bytes:
    return X25519PrivateKey.generate().private_bytes_raw()


def test_a_recipient_gets_its_list_keys_of_every_epoch(store: Store, clock: FakeClock) -> None:
    private = new_key()
    keydelivery.register(
        store, clock, party="cmcc", public_key=base64.b64encode(keydelivery.public_of(private)).decode()
    )
    delivered = keydelivery.deliver(store, RING, party="cmcc")
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


def test_without_a_public_key_nothing_is_delivered(store: Store) -> None:
    with pytest.raises(ConflictError) as caught:
        keydelivery.deliver(store, RING, party="cmcc")
    assert caught.value.code == "no_public_key"
