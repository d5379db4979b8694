"""The file of a state as bytes, whole and at one moment; and a folder made of them, or nothing at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from acme_server.sqlite_store import APPLICATION, SCHEMA
from gravel.backup.private_file import write_private
from gravel.state import FILE

# Octets 18 and 19 of a file (https://sqlite.org/fileformat2.html): memory cannot read one that says WAL.
_NO_WAL = b"\x01\x01"
# So many openings are taken to have happened since: what a seed drew in them, and the versions of their resources, the
# house that was backed up may have shown to others.
_SINCE = 1000


class Unfit(Exception):  # noqa: N818 - says what it is
    """What is there cannot be used; the message is a sentence."""


def image_of(connection: sqlite3.Connection) -> bytes:
    """Return an open file as it is now."""
    with closing(sqlite3.connect(":memory:")) as copy:
        connection.backup(copy)
        image = copy.serialize()
    return image[:18] + _NO_WAL + image[20:]


def image_in(folder: Path) -> bytes:
    """Return the file of a house that does not run; Unfit says why there is none."""
    path = folder / FILE
    if not path.is_file():
        raise Unfit(f"there is no state in {folder}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0)) as file:
            _check(file)
            return image_of(file)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Unfit(f"{path} is in use; leave --state out to ask the gravel that runs there") from None
        raise Unfit(f"{path} cannot be read: {error}") from None


def write_image(image: bytes, folder: Path) -> None:
    """Make a folder of an image; Unfit says why nothing was written."""
    renewed, path, part = _renewed(image), folder / FILE, folder / f"{FILE}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.glob(f"{FILE}*")):
            raise Unfit(f"there is a state in {folder} already; choose another folder, or delete that")
        write_private(part, renewed)
        part.rename(path)
    except OSError as error:
        raise Unfit(f"{folder} cannot be written: {(error.strerror or str(error)).lower()}") from None


def _renewed(image: bytes) -> bytes:
    """Check an image, and have what goes on from it draw nothing that was drawn since."""
    try:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
            file.deserialize(image)
            _check(file)
            file.execute("UPDATE meta SET value = value + ? WHERE name = 'runs'", (_SINCE,))
            return file.serialize()
    except sqlite3.DatabaseError as error:
        raise Unfit(f"the backup holds no state: {error}") from None


def _check(file: sqlite3.Connection) -> None:
    application, version = (file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application != APPLICATION:
        raise Unfit("that is no state of gravel")
    if version != SCHEMA:
        raise Unfit(f"that state has version {version}, and this gravel reads {SCHEMA}")
    if file.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise Unfit("that state is damaged")
