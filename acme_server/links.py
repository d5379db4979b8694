"""IDs to URLs and back, for one world: URLs are made from its base URL, never from a request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import attrs


@attrs.frozen
class Links:
    """The URLs that a world hands out.

    base: without a trailing slash; paths: of routes that have others than ours;
    ocsp: of a responder that somebody else runs, for certificates to name.
    """

    base: str
    paths: Mapping[str, str] = attrs.field(factory=dict)
    ocsp: str | None = None
    # What all account URLs begin with: every request names one.
    _account: str = attrs.field(init=False, repr=False)

    @_account.default
    def _of_nobody(self) -> str:
        return self.account("")

    def _at(self, pattern: str, **ids: str | int) -> str:
        return self.base + self.paths.get(pattern, pattern).format_map(ids)

    @cached_property
    def directory(self) -> str:
        """Section 7.1.1."""
        return self._at("/dir")

    @cached_property
    def index(self) -> tuple[str, str]:
        """The header of every reply but the directory itself (section 7.1)."""
        return "Link", f'<{self.directory}>;rel="index"'

    @property
    def new_nonce(self) -> str:
        """Section 7.2."""
        return self._at("/nonce")

    @property
    def new_account(self) -> str:
        """Section 7.3."""
        return self._at("/new-account")

    @property
    def key_change(self) -> str:
        """Section 7.3.5."""
        return self._at("/key-change")

    @property
    def new_authorization(self) -> str:
        """Section 7.4.1."""
        return self._at("/new-authz")

    @property
    def new_order(self) -> str:
        """Section 7.4."""
        return self._at("/new-order")

    @property
    def revoke_certificate(self) -> str:
        """Section 7.6."""
        return self._at("/revoke-cert")

    @property
    def renewal_info(self) -> str:
        """RFC 9773 section 3."""
        return self._at("/renewal-info/{certid}", certid="").removesuffix("/")

    def account(self, account_id: str) -> str:
        """Return the account URL, which is also its `kid`."""
        return self._at("/account/{account}", account=account_id)

    def account_id(self, kid: str) -> str | None:
        """Return the ID in an account URL, or None when the text is not exactly one of ours."""
        prefix = self._account
        return kid[len(prefix) :] if kid.startswith(prefix) else None

    def orders(self, account_id: str) -> str:
        """Section 7.1.2.1."""
        return self._at("/account/{account}/orders", account=account_id)

    def orders_after(self, account_id: str, order_id: str) -> str:
        """Return where the list goes on after an order."""
        return self._at("/account/{account}/orders/{after}", account=account_id, after=order_id)

    def terms(self, account_id: str) -> str:
        """Where a human agrees to changed terms of service (section 7.3.3)."""
        return f"{self.base}/terms/{account_id}"

    def order(self, order_id: str) -> str:
        """Section 7.1.3."""
        return self._at("/order/{order}", order=order_id)

    def finalize(self, order_id: str) -> str:
        """Section 7.4."""
        return self._at("/order/{order}/finalize", order=order_id)

    def authorization(self, authorization_id: str) -> str:
        """Section 7.1.4."""
        return self._at("/authz/{authorization}", authorization=authorization_id)

    def challenge(self, authorization_id: str, index: int) -> str:
        """Section 7.1.5."""
        return self._at("/chall/{authorization}/{index}", authorization=authorization_id, index=index)

    def certificate(self, certificate_id: str) -> str:
        """Section 7.4.2."""
        return self._at("/cert/{certificate}", certificate=certificate_id)

    def alternate(self, certificate_id: str, number: int) -> str:
        """Section 7.4.2: the certificate with another chain, from 1 on."""
        return self._at("/cert/{certificate}/alternate/{number}", certificate=certificate_id, number=number)

    def issuer(self, signer_id: str) -> str:
        """RFC 5280 section 4.2.2.1: the certificate of a signer."""
        return f"{self.base}/issuer/{signer_id}"

    def revocation_list(self, signer_id: str) -> str:
        """RFC 5280 section 4.2.1.13: what a signer has revoked."""
        return f"{self.base}/crl/{signer_id}"
