"""Who wraps the key of a backup: a file with a key, or a command that is the door to a KMS; never the backup itself."""

from __future__ import annotations

import os
import shlex
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import attrs
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from gravel.backup.private_file import write_private

KEY_SIZE = 32
_PATIENCE = 60.0


class Refused(Exception):  # noqa: N818 - says what happened
    """The key is not to be had; the message is a sentence."""


class KeyService(Protocol):
    """Holds a key that encrypts keys; both raise Refused."""

    def wrap(self, key: bytes) -> bytes:
        """Encrypt a key of 32 bytes."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the key again."""
        ...


@attrs.frozen
class KeyFile(KeyService):
    """A key in base64, in a file that nobody else may read; keys are wrapped as in RFC 3394."""

    path: Path

    def wrap(self, key: bytes) -> bytes:
        """See KeyService."""
        return aes_key_wrap(self._key(), key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See KeyService."""
        try:
            return aes_key_unwrap(self._key(), wrapped)
        except (InvalidUnwrap, ValueError):
            raise Refused(
                f"the key in {self.path} is not the one that the backup was made with, or that is damaged"
            ) from None

    def create(self, key: bytes) -> None:
        """Make the file, for its owner only."""
        try:
            write_private(self.path, b64encode(key) + b"\n")
        except OSError as error:
            raise Refused(f"{self.path} cannot be made: {(error.strerror or str(error)).lower()}") from None

    def _key(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise Refused(f"{self.path} may be read by others; change that with: chmod 600 {self.path}")
                key = b64decode(file.read(1024), validate=False)
        except OSError as error:
            raise Refused(f"{self.path} cannot be read: {(error.strerror or str(error)).lower()}") from None
        except ValueError:
            key = b""
        if len(key) != KEY_SIZE:
            raise Refused(f"{self.path} holds no key: {KEY_SIZE} bytes in base64 are wanted")
        return key


@attrs.frozen
class KeyCommand(KeyService):
    """A command that is run as `COMMAND wrap` and `COMMAND unwrap`: base64 comes on its standard input, and goes out."""

    command: Sequence[str]

    @classmethod
    def of(cls, text: str) -> KeyCommand:
        """Read a command line as a shell would split it; ValueError when it is none."""
        words = shlex.split(text)
        if not words:
            raise ValueError("the command is empty")
        return cls(words)

    def wrap(self, key: bytes) -> bytes:
        """See KeyService."""
        return self._run("wrap", key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See KeyService."""
        return self._run("unwrap", wrapped)

    def _run(self, what: str, data: bytes) -> bytes:
        name = f"{self.command[0]} {what}"
        try:
            done = subprocess.run(  # noqa: S603 - the user's own command, and no shell
                [*self.command, what],
                input=b64encode(data) + b"\n",
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except OSError as error:
            raise Refused(f"{name} cannot be run: {(error.strerror or str(error)).lower()}") from None
        except subprocess.TimeoutExpired:
            raise Refused(f"{name} did not end within {_PATIENCE:g} s") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Refused(f"{name} refused: {said[-1] if said else f'it ended with {done.returncode}'}")
        try:
            return b64decode(b"".join(done.stdout.split()), validate=True)
        except ValueError:
            raise Refused(f"{name} did not answer with base64") from None
