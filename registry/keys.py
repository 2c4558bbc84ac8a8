"""The key ring: what is stored and what recipients get, each under keys of its own (DESIGN §3); keys that sign feeds.

Rules of this room:
- `K = HKDF-SHA256(master, salt="decline-call/v1", info=lp(purpose) | lp(scope) | lp(u32be(epoch)))`, where `lp` puts
  a u16be length before.
- A master per epoch gives list keys and nothing else, so it can be destroyed when its lists are gone. What is stored is
  sealed under the storage master, in the first epoch for good (docs/adr/0007).
- A key serves one purpose and one scope. Nothing here reads files or the environment (`outside/keyfile.py` does); which
  epoch counts is for the database to say (`epochs.py`), never for the newest file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined] # exported, but not in its __all__
from tuf.api.metadata import Root, Timestamp

from registry.errors import SettingsError

Purpose = Literal["at-rest", "list-tag", "receipt-salt", "code", "log", "cookie"]
PURPOSES: tuple[str, ...] = get_args(Purpose)
FIRST_EPOCH = 1
KEY_BYTES = 32
_SALT = b"decline-call/v1"


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def derive_key(master: bytes, purpose: Purpose, scope: str, epoch: int) -> bytes:
    """The 32-byte key of a purpose, scope and epoch (DESIGN §3). Raises ValueError for what no key can have."""
    if len(master) != KEY_BYTES:
        raise ValueError("a master has 32 bytes")
    if purpose not in PURPOSES:
        raise ValueError(f"no such purpose of a key: {purpose}")
    info = _prefixed(purpose.encode()) + _prefixed(scope.encode()) + _prefixed(epoch.to_bytes(4, "big"))
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=_SALT, info=info).derive(master)


class Masters(Protocol):
    """Where the masters of epochs lie."""

    def read(self) -> Mapping[int, bytes]:
        """All that there are, by epoch."""
        ...

    def make(self, epoch: int) -> None:
        """A new random one, unless there is one of this epoch already."""
        ...

    def destroy(self, epoch: int) -> bool:
        """Make one unreadable for ever; whether it is gone now (one that is not ours to destroy stays)."""
        ...


@dataclass
class KeyRing:
    """The masters by epoch and the storage master, never shown, and what is derived from them.

    `storage` None: the master of the first epoch serves for it, too, as it did before there were epochs.
    """

    masters: Mapping[int, bytes] = field(repr=False)
    storage: bytes | None = field(default=None, repr=False)
    source: Masters | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = [*self.masters.values(), *([self.storage] if self.storage is not None else [])]
        wrong = any(epoch < 1 for epoch in self.masters) or any(len(key) != KEY_BYTES for key in keys)
        if not self.masters or wrong:
            raise ValueError("a key ring needs masters of 32 bytes, by epochs from 1")
        self._at_rest: bytes | None = None

    @property
    def epoch(self) -> int:
        """The newest epoch that a master is here of."""
        return max(self.masters)

    def derive(self, purpose: Purpose, scope: str, epoch: int | None = None) -> bytes:
        """The key of a purpose and scope; `epoch` is by default the newest for list keys, the first for all others.

        Raises SettingsError: `no_master`.
        """
        if purpose != "list-tag":
            return derive_key(self.storage or self._master(FIRST_EPOCH), purpose, scope, epoch or FIRST_EPOCH)
        epoch = self.epoch if epoch is None else epoch
        return derive_key(self._master(epoch), purpose, scope, epoch)

    @property
    def at_rest(self) -> bytes:
        """The key that seals numbers in tables and base files, the same for good."""
        if self._at_rest is None:
            self._at_rest = self.derive("at-rest", "registry", FIRST_EPOCH)
        return self._at_rest

    def list_key(self, recipient: str, epoch: int | None = None) -> bytes:
        """The key of one recipient's tags (a party id), by default in the newest epoch that is here."""
        return self.derive("list-tag", recipient, epoch)

    def look_again(self) -> None:
        """See masters that came or went since; another process may have made or destroyed one."""
        if self.source is not None:
            self.masters = self.source.read() or self.masters

    def _master(self, epoch: int) -> bytes:
        masters = self.masters  # `look_again` may exchange them
        if epoch not in masters:
            raise SettingsError(f"There is no master key of epoch {epoch}.", code="no_master")
        return masters[epoch]


@dataclass
class SigningKeys:
    """The Ed25519 keys that sign feeds: `root` says which keys count (None: it is kept elsewhere, as it should be),
    `online` signs what is published; `others` are online keys that came before it and may count still."""

    root: CryptoSigner | None = field(repr=False)
    online: CryptoSigner = field(repr=False)
    others: tuple[CryptoSigner, ...] = field(default=(), repr=False)
    source: Callable[[], SigningKeys] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_seeds(cls, root: bytes | None, online: bytes, *others: bytes) -> SigningKeys:
        """Signing keys from their 32-byte private seeds."""
        return cls(
            root=signer(root) if root is not None else None, online=signer(online),
            others=tuple(signer(seed) for seed in others),
        )

    def look_again(self) -> None:
        """See online keys that came or went since."""
        if self.source is not None:
            fresh = self.source()
            self.root, self.online, self.others = fresh.root, fresh.online, fresh.others

    def under(self, root: Root) -> SigningKeys:
        """The keys that sign while a root counts: of the online keys that it names, the newest one.

        Raises SettingsError `no_online_key` where it names none of ours.
        """
        named = root.roles[Timestamp.type].keyids
        for key in (self.online, *self.others):
            if key.public_key.keyid in named:
                return SigningKeys(self.root, key)
        detail = f"None of the online keys here may sign: root {root.version} names others. Bring one that it names."
        raise SettingsError(detail, code="no_online_key")


def signer(seed: bytes) -> CryptoSigner:
    """An Ed25519 signer from its 32-byte private seed."""
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed))
