"""Key files of an instance: 32 bytes as hex each, mode 600, in a folder of mode 700, apart from database and backups.

Rules of this room: a file is written once and never replaced; a file that others can read stops the start; a master in
the environment (`DECLINE_CALL_MASTER_<epoch>`, hex) goes before the file; no error ever repeats what a file holds.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from registry.errors import SettingsError
from registry.keys import FIRST_EPOCH, KEY_BYTES, KeyRing, SigningKeys

ENVIRONMENT = "DECLINE_CALL_MASTER_"
ROOT, ONLINE = "feed-root.key", "feed-online.key"
_MASTER = re.compile(r"master-([1-9][0-9]{0,8})\.key")


def create(folder: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Make the folder and the keys that are missing: a first master (unless the environment has one) and feed keys.

    They are made in this order, so one that is missing although a later one is there was lost: it is never made anew
    (what it sealed or signed would be lost with it), and `load` says that it is missing.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with_master = any(folder.glob("master-*.key")) or any(name.startswith(ENVIRONMENT) for name in environ)
        if not with_master and not (folder / ROOT).exists() and not (folder / ONLINE).exists():
            _write_once(folder / f"master-{FIRST_EPOCH}.key")
        if not (folder / ONLINE).exists():
            _write_once(folder / ROOT)
            _write_once(folder / ONLINE)
    except OSError as error:
        detail = f"The key folder {folder} cannot be written: {error.strerror}."
        raise SettingsError(detail, code="keys_unwritable") from error


def load(folder: Path, environ: Mapping[str, str] = os.environ) -> tuple[KeyRing, SigningKeys]:
    """The key ring and the signing keys. Raises SettingsError for a missing, malformed or exposed file or variable."""
    masters = {}
    for path in folder.glob("master-*.key"):
        found = _MASTER.fullmatch(path.name)
        if found and ENVIRONMENT + found.group(1) not in environ:
            masters[int(found.group(1))] = _read(path)
    for name, value in environ.items():
        if name.startswith(ENVIRONMENT):
            epoch = name.removeprefix(ENVIRONMENT)
            if not re.fullmatch(r"[1-9][0-9]{0,8}", epoch):
                raise SettingsError(f"{name}: must end in an epoch, a whole number from 1.", code="bad_key")
            masters[int(epoch)] = _key(value, name)
    if not masters:
        raise SettingsError(f"There is no master key in {folder} nor in the environment.", code="no_master")
    return KeyRing(masters=masters), SigningKeys.from_seeds(root=_read(folder / ROOT), online=_read(folder / ONLINE))


def _key(text: str, where: str) -> bytes:
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", text.strip()):
        raise SettingsError(f"{where}: a key is {2 * KEY_BYTES} hexadecimal digits.", code="bad_key")
    return bytes.fromhex(text.strip())


def _read(path: Path) -> bytes:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                detail = f"{path} can be read by others (mode {mode:o}); it must have mode 600."
                raise SettingsError(detail, code="key_exposed")
            return _key(file.read(1024), str(path))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.", code="no_key") from error


def _write_once(path: Path) -> None:
    """A new random key under a name, whole or not at all; a name that exists is left as it is."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # somebody else was quicker: theirs counts
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
