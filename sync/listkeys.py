"""How a follower gets the keys of its tags: it makes its own key pair, and unwraps what was wrapped for it.

Rules of this room: the private key is made at the first run and never leaves the folder (mode 600, like the list keys);
keys are asked for when there are none for an epoch of the feed, so a rotation needs nobody's hand; keys of epochs that
are gone are dropped, but never the one that the list still stands under.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import Struct

from registry import keydelivery
from registry.errors import FeedError, RegistryError, UnavailableError
from sync.source import Api
from sync.state import ListKeys, StateFolder

PRIVATE, LIST_KEYS = "recipient.key", "list-keys.json"


class _Wrapped(Struct):
    epoch: int
    wrapped: str


class _Answer(Struct):
    epoch: int
    algorithm: str
    keys: list[_Wrapped]


def key_of(folder: StateFolder, party: str, epoch: int) -> bytes | None:
    """The list key of an epoch that the folder holds, or None."""
    held = folder.read(LIST_KEYS, ListKeys)
    if held is None or held.party != party or epoch not in held.keys:
        return None
    return bytes.fromhex(held.keys[epoch])


def choose(source: Api, folder: StateFolder, party: str, offered: tuple[int, ...]) -> int:
    """Of the key epochs that a feed offers (newest first) the newest whose list key is here or can be had.

    Raises what fetching keys raises where there is none.
    """
    refused: RegistryError | None = None
    if len(offered) == 1:
        return offered[0]
    for epoch in offered:
        if key_of(folder, party, epoch) is not None:
            return epoch
        if refused is None:
            try:
                if epoch in fetch(source, folder, party).keys:
                    return epoch
            except RegistryError as error:
                refused = error
    raise refused or FeedError("No list key was delivered for what the feed offers.", code="no_list_key")


def need(source: Api, folder: StateFolder, party: str, epoch: int) -> None:
    """See to it that the list key of an epoch is here. Raises FeedError `no_list_key`, and what fetching raises."""
    if key_of(folder, party, epoch) is None and epoch not in fetch(source, folder, party).keys:
        raise FeedError("No list key was delivered for what the feed offers.", code="no_list_key")


def drop(folder: StateFolder, kept: Collection[int]) -> None:
    """Forget the list keys of all epochs but these."""
    held = folder.read(LIST_KEYS, ListKeys)
    if held is None or set(held.keys) <= set(kept):
        return
    keys = {epoch: key for epoch, key in held.keys.items() if epoch in kept}
    folder.write(LIST_KEYS, msgspec.structs.replace(held, keys=keys), mode=0o600)


def fetch(source: Api, folder: StateFolder, party: str) -> ListKeys:
    """Register the public key, fetch all list keys, keep them. Raises FeedError `key_not_ours`, `bad_answer`."""
    private = _private_key(folder)
    source.call("PUT", "keys/recipient", {"public_key": base64.b64encode(keydelivery.public_of(private)).decode()})
    try:
        answer = msgspec.convert(source.call("GET", "keys"), _Answer)
        keys = {
            each.epoch: keydelivery.unwrap(
                private, base64.b64decode(each.wrapped, validate=True), party=party, epoch=each.epoch
            ).hex()
            for each in answer.keys
        }
    except (msgspec.ValidationError, binascii.Error) as error:
        raise FeedError("The registry's answer about keys cannot be read.", code="bad_answer") from error
    before = folder.read(LIST_KEYS, ListKeys)
    if before is not None and before.party == party:
        keys = before.keys | keys
    held = ListKeys(party=party, algorithm=answer.algorithm, keys=keys)
    folder.write(LIST_KEYS, held, mode=0o600)
    return held


def _private_key(folder: StateFolder) -> bytes:
    """The follower's raw private key; made where there is none."""
    found = folder.raw(PRIVATE)
    if found is not None:
        try:
            raw = bytes.fromhex(found.decode("ascii").strip())
        except (UnicodeDecodeError, ValueError):
            raw = b""
        if len(raw) != 32:
            detail = "The follower's own key is damaged; remove recipient.key, then another is made."
            raise UnavailableError(detail, code="own_key_damaged")
        return raw
    private = X25519PrivateKey.generate().private_bytes_raw()
    folder.write(PRIVATE, private.hex().encode() + b"\n", mode=0o600)
    return private
