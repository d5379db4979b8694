"""The solver contract, but for what a TLS handshake has no room for: two answers at one name."""

from __future__ import annotations

import attrs

from solvers.solver import TLSALPN01, NotReady, Ready
from tests.solvers.solver_contract import SolverContract


class TlsAlpn01Contract(SolverContract):
    type = TLSALPN01

    test_two_presentations_at_one_name_do_not_disturb_each_other = None

    async def test_of_two_presentations_at_one_name_the_last_is_shown_and_then_the_first_again(self, place):
        other = attrs.evolve(self.other, wildcard=False)
        await place.present(self.one)
        await place.present(other)
        assert isinstance(await place.check(self.one), NotReady)
        assert Ready() == await place.check(other)
        await place.clean_up(other)
        assert Ready() == await place.check(self.one)
        assert isinstance(await place.check(other), NotReady)
