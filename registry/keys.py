"""The key ring: masters per epoch, keys derived from them (DESIGN §3), and the keys that sign feeds.

Rules of this room:
- `K = HKDF-SHA256(master, salt="decline-call/v1", info=lp(purpose) | lp(scope) | lp(u32be(epoch)))`, where `lp` puts
  a u16be length before.
- A key serves one purpose and one scope. Nothing here reads files or the environment (`outside/keyfile.py` does).
- What is stored is sealed under the first epoch for good: rotation changes what recipients get, not what tables hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined] # exported, but not in its __all__

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


@dataclass(frozen=True)
class KeyRing:
    """The masters by epoch, never shown, and what is derived from them."""

    masters: Mapping[int, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.masters or any(epoch < 1 or len(master) != KEY_BYTES for epoch, master in self.masters.items()):
            raise ValueError("a key ring needs masters of 32 bytes, by epochs from 1")

    @property
    def epoch(self) -> int:
        """The newest epoch."""
        return max(self.masters)

    def derive(self, purpose: Purpose, scope: str, epoch: int | None = None) -> bytes:
        """The key of a purpose and scope, by default in the newest epoch. Raises SettingsError: `no_master`."""
        epoch = self.epoch if epoch is None else epoch
        if epoch not in self.masters:
            raise SettingsError(f"There is no master key of epoch {epoch}.", code="no_master")
        return derive_key(self.masters[epoch], purpose, scope, epoch)

    @cached_property
    def at_rest(self) -> bytes:
        """The key that seals numbers in tables and base files; always of the first epoch."""
        return self.derive("at-rest", "registry", FIRST_EPOCH)

    def list_key(self, recipient: str, epoch: int | None = None) -> bytes:
        """The key of one recipient's tags (a party id), by default in the newest epoch."""
        return self.derive("list-tag", recipient, epoch)


@dataclass(frozen=True)
class SigningKeys:
    """The Ed25519 keys that sign feeds: `root` says which keys count, `online` signs what is published."""

    root: CryptoSigner = field(repr=False)
    online: CryptoSigner = field(repr=False)

    @classmethod
    def from_seeds(cls, root: bytes, online: bytes) -> SigningKeys:
        """Signing keys from their 32-byte private seeds."""
        return cls(root=signer(root), online=signer(online))


def signer(seed: bytes) -> CryptoSigner:
    """An Ed25519 signer from its 32-byte private seed."""
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed))
