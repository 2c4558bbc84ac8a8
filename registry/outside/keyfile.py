"""Key files of an instance: 32 bytes as hex each, mode 600, in a folder of mode 700, apart from database and backups.

Rules of this room:
- `storage.key` for what is stored, `master-<epoch>.key` for lists, `feed-root.key` (better kept elsewhere once the
  first root is made), `feed-online.key` and, after a rotation, `feed-online-<n>.key`: of those that count the highest
  n signs.
- `receipt.key` and, after a rotation, `receipt-<n>.key` sign receipts: the highest n signs, the others prove.
- A file is written once and never replaced; one that others can read stops the start; no error ever repeats what a file
  holds. A key in the environment (`DECLINE_CALL_MASTER_<epoch>`, `DECLINE_CALL_STORAGE`, hex) goes before the file.
- A master whose epoch is over is overwritten, then unlinked, then the folder is flushed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from registry.errors import SettingsError
from registry.keys import FIRST_EPOCH, KEY_BYTES, KeyRing, SigningKeys
from registry.naming import new_id

ENVIRONMENT, STORAGE_VARIABLE = "DECLINE_CALL_MASTER_", "DECLINE_CALL_STORAGE"
STORAGE, ROOT, ONLINE, RECEIPT = "storage.key", "feed-root.key", "feed-online.key", "receipt.key"
_MASTER = re.compile(r"master-([1-9][0-9]{0,8})\.key")
_ONLINE = re.compile(r"feed-online-([1-9][0-9]{0,8})\.key")
_RECEIPT = re.compile(r"receipt-([1-9][0-9]{0,8})\.key")


def create(folder: Path, environ: Mapping[str, str] = os.environ, *, older: bool = False) -> None:
    """Make the folder and the keys that are missing: storage master, first master (unless the environment has them) and
    feed keys. `older`: the instance was made before there were epochs, so that its first master is its storage master.

    They are made in this order, so one that is missing although a later one is there was lost: it is never made anew
    (what it sealed or signed would be lost with it), and `load` says that it is missing.
    """
    first = folder / f"master-{FIRST_EPOCH}.key"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with_master = any(folder.glob("master-*.key")) or any(name.startswith(ENVIRONMENT) for name in environ)
        with_feeds = (folder / ROOT).exists() or (folder / ONLINE).exists()
        if STORAGE_VARIABLE not in environ and not (folder / STORAGE).exists():
            if older and first.exists():
                _write_once(folder / STORAGE, _read(first))
            elif not older and not any(folder.glob("master-*.key")) and not with_feeds:
                _write_once(folder / STORAGE)
        if not with_master and not with_feeds:
            _write_once(first)
        if not (folder / ONLINE).exists():
            _write_once(folder / ROOT)
            _write_once(folder / ONLINE)
        if not _numbered(folder, _RECEIPT):
            _write_once(folder / RECEIPT)
    except OSError as error:
        detail = f"The key folder {folder} cannot be written: {error.strerror}."
        raise SettingsError(detail, code="keys_unwritable") from error


def load(folder: Path, environ: Mapping[str, str] = os.environ) -> tuple[KeyRing, SigningKeys]:
    """The key ring and the signing keys. Raises SettingsError for a missing, malformed or exposed file or variable."""
    source = MasterFiles(folder, environ)
    masters = source.read()
    if not masters:
        raise SettingsError(f"There is no master key in {folder} nor in the environment.", code="no_master")
    if (folder / RECEIPT).exists() or _numbered(folder, _RECEIPT):
        receipt_seeds(folder)  # one that is exposed stops the start as any other
    return KeyRing(masters, _storage(folder, environ), source), _signing(folder)


def _storage(folder: Path, environ: Mapping[str, str]) -> bytes | None:
    """The storage master; None where the first master, which is in the environment, serves for it."""
    if STORAGE_VARIABLE in environ:
        return _key(environ[STORAGE_VARIABLE], STORAGE_VARIABLE)
    served = f"{ENVIRONMENT}{FIRST_EPOCH}" in environ and not (folder / STORAGE).exists()
    return None if served else _read(folder / STORAGE)


def _signing(folder: Path) -> SigningKeys:
    paths = [path for _, path in sorted(_numbered(folder, _ONLINE), reverse=True)]
    if (folder / ONLINE).exists() or not paths:
        paths.append(folder / ONLINE)
    root = _read(folder / ROOT) if (folder / ROOT).exists() else None
    keys = SigningKeys.from_seeds(root, *[_read(path) for path in paths])
    keys.source = lambda: _signing(folder)
    return keys


def receipt_seeds(folder: Path) -> list[bytes]:
    """The private keys of receipts that are there, the one that signs first. Raises SettingsError as `load`."""
    paths = [path for _, path in sorted(_numbered(folder, _RECEIPT), reverse=True)]
    if (folder / RECEIPT).exists() or not paths:
        paths.append(folder / RECEIPT)
    return [_read(path) for path in paths]


def new_receipt_key(folder: Path) -> Path:
    """A new key that signs receipts from now on; the older ones go on proving. Raises SettingsError as `new_key`."""
    path = folder / f"receipt-{max([1, *(number for number, _ in _numbered(folder, _RECEIPT))]) + 1}.key"
    new_key(path)
    return path


def _numbered(folder: Path, form: re.Pattern[str]) -> list[tuple[int, Path]]:
    return [(int(found.group(1)), path) for path in folder.iterdir() if (found := form.fullmatch(path.name))]


@dataclass(frozen=True)
class MasterFiles:
    """The masters of epochs in a folder and in the environment (`keys.Masters`)."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def read(self) -> dict[int, bytes]:
        """As `Masters.read`. Raises SettingsError as `load`."""
        masters = {}
        for path in self.folder.glob("master-*.key"):
            found = _MASTER.fullmatch(path.name)
            if found and ENVIRONMENT + found.group(1) not in self.environ:
                with suppress(FileNotFoundError):  # another process destroyed it meanwhile
                    masters[int(found.group(1))] = _read(path, gone_is_fine=True)
        for name, value in self.environ.items():
            if name.startswith(ENVIRONMENT):
                epoch = name.removeprefix(ENVIRONMENT)
                if not re.fullmatch(r"[1-9][0-9]{0,8}", epoch):
                    raise SettingsError(f"{name}: must end in an epoch, a whole number from 1.", code="bad_key")
                masters[int(epoch)] = _key(value, name)
        return masters

    def make(self, epoch: int) -> None:
        """As `Masters.make`. Raises SettingsError `keys_unwritable`."""
        if f"{ENVIRONMENT}{epoch}" in self.environ:
            return
        try:
            _write_once(self.folder / f"master-{epoch}.key")
        except OSError as error:
            detail = f"The key folder {self.folder} cannot be written: {error.strerror}."
            raise SettingsError(detail, code="keys_unwritable") from error

    def destroy(self, epoch: int) -> bool:
        """As `Masters.destroy`: overwritten, unlinked, the folder flushed. Raises SettingsError `keys_unwritable`."""
        path = self.folder / f"master-{epoch}.key"
        try:
            if path.exists():
                with path.open("r+b") as file:
                    file.write(secrets.token_hex(KEY_BYTES).encode())
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
                _flush(self.folder)
        except OSError as error:
            detail = f"The master of epoch {epoch} cannot be destroyed: {error.strerror}."
            raise SettingsError(detail, code="keys_unwritable") from error
        return f"{ENVIRONMENT}{epoch}" not in self.environ


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file. Raises SettingsError `no_key`, `bad_key`, `key_exposed`."""
    return _read(path)


def new_key(path: Path) -> bytes:
    """A new random key in a file that was not there, mode 600. Raises SettingsError `key_exists`, `keys_unwritable`."""
    if path.exists():
        raise SettingsError(f"{path} is there already; a key file is never replaced.", code="key_exists")
    try:
        _write_once(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.", code="keys_unwritable") from error
    return _read(path)


def _key(text: str, where: str) -> bytes:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", text.strip()):
        raise SettingsError(f"{where}: a key is {2 * KEY_BYTES} hexadecimal digits.", code="bad_key")
    return bytes.fromhex(text.strip())


def _read(path: Path, *, gone_is_fine: bool = False) -> bytes:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                detail = f"{path} can be read by others (mode {mode:o}); it must have mode 600."
                raise SettingsError(detail, code="key_exposed")
            return _key(file.read(1024), str(path))
    except OSError as error:
        if gone_is_fine and isinstance(error, FileNotFoundError):
            raise
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", code="no_key") from error


def _write_once(path: Path, key: bytes | None = None) -> None:
    """A key (by default a new random one) under a name, whole or not at all; a name that exists is left as it is."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{new_id(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write((key.hex() if key is not None else secrets.token_hex(KEY_BYTES)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # somebody else was quicker: theirs counts
            path.hardlink_to(draft)
        _flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
