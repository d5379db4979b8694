"""What every solver promises, whatever it presents on.

A subclass has a fixture `place`, a fresh Place. The tests are coroutines, so
that a place may be on real sockets.
"""

from __future__ import annotations

import attrs

from acme_server.protocol.vantage import Vantage, conduct
from solvers.solver import NotReady, Presentation, Readiness, Ready, Solver


@attrs.frozen
class Place:
    """A solver, and where its answers are looked at from."""

    solver: Solver
    vantage: Vantage

    async def present(self, presentation: Presentation) -> None:
        await conduct(self.solver.present(presentation), self.vantage)

    async def check(self, presentation: Presentation) -> Readiness:
        return await conduct(self.solver.check(presentation), self.vantage)

    async def clean_up(self, presentation: Presentation) -> None:
        await conduct(self.solver.clean_up(presentation), self.vantage)


class SolverContract:
    type: str

    @property
    def one(self) -> Presentation:
        return Presentation(self.type, "www.example.test", "token-one", "token-one.thumbprint")

    @property
    def other(self) -> Presentation:
        """Another answer at the same name, as for a wildcard beside its apex."""
        return Presentation(self.type, "www.example.test", "token-two", "token-two.thumbprint", wildcard=True)

    async def test_what_is_presented_can_be_seen(self, place):
        await place.present(self.one)
        assert Ready() == await place.check(self.one)

    async def test_before_it_is_presented_it_is_not_ready_for_the_scheduler_s_retry_period(self, place):
        readiness = await place.check(self.one)
        assert isinstance(readiness, NotReady)
        assert readiness.reason
        assert readiness.retry_after is None

    async def test_the_reason_is_the_same_from_try_to_try(self, place):
        assert await place.check(self.one) == await place.check(self.one)

    async def test_checking_twice_changes_nothing(self, place):
        await place.present(self.one)
        assert Ready() == await place.check(self.one)
        assert Ready() == await place.check(self.one)

    async def test_presenting_twice_is_presenting_once(self, place):
        await place.present(self.one)
        await place.present(self.one)
        assert Ready() == await place.check(self.one)
        await place.clean_up(self.one)
        assert isinstance(await place.check(self.one), NotReady)

    async def test_after_clean_up_it_is_gone(self, place):
        await place.present(self.one)
        await place.clean_up(self.one)
        assert isinstance(await place.check(self.one), NotReady)

    async def test_cleaning_up_needs_no_presentation_before_it_and_may_be_repeated(self, place):
        await place.clean_up(self.one)
        await place.present(self.one)
        await place.clean_up(self.one)
        await place.clean_up(self.one)
        assert isinstance(await place.check(self.one), NotReady)

    async def test_it_can_be_presented_again_after_clean_up(self, place):
        await place.present(self.one)
        await place.clean_up(self.one)
        await place.present(self.one)
        assert Ready() == await place.check(self.one)

    async def test_two_presentations_at_one_name_do_not_disturb_each_other(self, place):
        await place.present(self.one)
        await place.present(self.other)
        assert [Ready(), Ready()] == [await place.check(self.one), await place.check(self.other)]
        await place.clean_up(self.one)
        assert isinstance(await place.check(self.one), NotReady)
        assert Ready() == await place.check(self.other)

    async def test_names_are_compared_without_regard_to_case(self, place):
        await place.present(attrs.evolve(self.one, dns_name="WWW.Example.TEST"))
        assert Ready() == await place.check(self.one)
        await place.clean_up(attrs.evolve(self.one, dns_name="wWw.example.test"))
        assert isinstance(await place.check(self.one), NotReady)

    async def test_nothing_happens_before_an_inquiry_is_run(self, place):
        place.solver.present(self.one).close()
        assert isinstance(await place.check(self.one), NotReady)
