"""How an author's `check` and `sign` end: a bundle, or one of four exceptions; any other exception is tried again.

The classes are issuer-lib's (controllers/signer); they are values, so that the core decides by what they hold.
"""

from __future__ import annotations

from datetime import timedelta

import attrs


@attrs.frozen
class Bundle:
    """What was signed: `chain` is PEM, leaf first, without the root; `ca` the PEM of the root, for `status.ca`."""

    chain: bytes
    ca: bytes | None = None


@attrs.frozen
class Pending(Exception):  # noqa: N818 - says what happened
    """Not signed yet, which is no error: `sign` is called again `after` so long (None: as long as the frame waits).

    held: and not sooner, whatever changes.
    """

    message: str
    after: timedelta | None = None
    held: bool = False

    def __str__(self) -> str:
        return self.message


@attrs.frozen
class Permanent(Exception):  # noqa: N818
    """Only a change of this very object would help: never what somebody may mend elsewhere.

    invalid_request: what the request asks for is at fault; the condition InvalidRequest says so to cert-manager.
    """

    message: str
    invalid_request: bool = False

    def __str__(self) -> str:
        return self.message


@attrs.frozen
class IssuerFault(Exception):  # noqa: N818
    """The issuer is at fault, not the request: raised by `sign`, it takes the place of the issuer's next `check`.

    permanent: only a change of the issuer, or of a Secret that it names, would help; after: when to check again
    (None: after the backoff).
    """

    message: str
    permanent: bool = False
    after: timedelta | None = None

    def __str__(self) -> str:
        return self.message


@attrs.frozen
class WithCondition(Exception):  # noqa: N818
    """`inner`, and beside it a condition of the author's own on the request; its message is that of `inner`."""

    inner: Exception
    type: str
    status: str
    reason: str

    def __str__(self) -> str:
        return str(self.inner)
