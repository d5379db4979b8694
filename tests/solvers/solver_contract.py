"""What every solver promises, whatever it presents on.

A subclass has a fixture `place`, a fresh Place. The tests are coroutines, so
that a place may be on real sockets.
"""

from __future__ import annotations

import attrs
import pytest

from acme_server.protocol.vantage import Vantage, conduct
from solvers.solver import DNS01, HTTP01, NotReady, Presentation, Readiness, Ready, Solver, SolverError


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

    async def test_cleaning_up_one_presentation_that_was_never_made_leaves_the_other(self, place):
        await place.present(self.one)
        await place.clean_up(self.other)
        assert Ready() == await place.check(self.one)

    async def test_the_same_presentation_at_two_names_is_two(self, place):
        elsewhere = attrs.evolve(self.one, dns_name="other.example.test")
        await place.present(self.one)
        assert isinstance(await place.check(elsewhere), NotReady)
        await place.present(elsewhere)
        await place.clean_up(self.one)
        assert isinstance(await place.check(self.one), NotReady)
        assert Ready() == await place.check(elsewhere)

    async def test_another_key_than_the_one_presented_is_not_ready(self, place):
        await place.present(self.one)
        readiness = await place.check(attrs.evolve(self.one, key="token-one.other"))
        assert isinstance(readiness, NotReady)

    async def test_a_key_is_never_part_of_what_is_logged(self, place):
        assert self.one.key not in repr(self.one)

    async def test_names_are_compared_without_regard_to_case(self, place):
        await place.present(attrs.evolve(self.one, dns_name="WWW.Example.TEST"))
        assert Ready() == await place.check(self.one)
        await place.clean_up(attrs.evolve(self.one, dns_name="wWw.example.test"))
        assert isinstance(await place.check(self.one), NotReady)

    async def test_nothing_happens_before_an_inquiry_is_run(self, place):
        place.solver.present(self.one).close()
        assert isinstance(await place.check(self.one), NotReady)
        await place.present(self.one)
        place.solver.clean_up(self.one).close()
        assert Ready() == await place.check(self.one)


class Dns01Contract(SolverContract):
    """What each dns-01 provider promises beside; `place.vantage` looks at the zone `records`, which a fixture gives."""

    type = DNS01
    NAME = "_acme-challenge.www.example.test"

    @property
    def one(self) -> Presentation:
        return attrs.evolve(super().one, key="LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0")

    @property
    def apex(self) -> Presentation:
        return Presentation(DNS01, "example.test", "token-apex", "value of the apex")

    @property
    def wildcard(self) -> Presentation:
        """Of `*.example.test`: the name without its asterisk, as a Challenge has it."""
        return attrs.evolve(self.apex, token="token-wildcard", key="value of the wildcard", wildcard=True)

    async def test_two_values_stand_at_one_name(self, place, records):
        await place.present(self.one)
        await place.present(self.other)
        await place.present(self.one)
        assert sorted([self.one.key, self.other.key]) == sorted(records.own(self.NAME)["TXT"])

    async def test_wildcard_and_apex_are_shown_together_at_the_apex(self, place, records):
        await place.present(self.apex)
        await place.present(self.wildcard)
        assert [Ready(), Ready()] == [await place.check(self.apex), await place.check(self.wildcard)]
        await place.clean_up(self.wildcard)
        assert records.own("_acme-challenge.example.test")["TXT"] == (self.apex.key,)

    async def test_somebody_else_s_values_stay(self, place, records):
        records.add_txt(self.NAME, "somebody else's")
        await place.present(self.one)
        assert Ready() == await place.check(self.one)
        await place.clean_up(self.one)
        assert records.own(self.NAME)["TXT"] == ("somebody else's",)

    async def test_a_value_longer_than_a_string_is_joined_from_its_parts(self, place, records):
        long = attrs.evolve(self.one, key="x" * 255 + "y" * 300)
        await place.present(long)
        assert records.own(self.NAME)["TXT"] == (long.key,)
        assert Ready() == await place.check(long)
        await place.clean_up(long)
        assert records.own(self.NAME) == {}

    async def test_an_alias_is_followed_by_the_check_but_not_written_through(self, place, records):
        records.set_cname(self.NAME, "x.delegated.test")
        await place.present(self.one)
        assert isinstance(await place.check(self.one), NotReady)
        records.add_txt("x.delegated.test", self.one.key)
        assert Ready() == await place.check(self.one)
        assert records.own("x.delegated.test")["TXT"] == (self.one.key,)

    async def test_with_cname_strategy_follow_the_value_is_written_where_the_aliases_lead(self, place, records):
        records.set_cname(self.NAME, "y.example.test")
        records.set_cname("y.example.test", "x.delegated.test")
        following = attrs.evolve(place, solver=attrs.evolve(place.solver, follow=True))
        await following.present(self.one)
        assert records.own("x.delegated.test")["TXT"] == (self.one.key,)
        assert Ready() == await following.check(self.one)
        await following.clean_up(self.one)
        assert records.own("x.delegated.test") == {}

    async def test_a_name_too_long_for_its_label_cannot_be_presented_but_be_cleaned_up(self, place):
        long = attrs.evolve(self.one, dns_name=".".join(["a" * 60] * 4))
        with pytest.raises(SolverError, match="is not a domain name"):
            await place.present(long)
        await place.clean_up(long)
        assert isinstance(await place.check(long), NotReady)


class Http01Contract(SolverContract):
    """What an http-01 solver promises beside."""

    type = HTTP01

    async def test_two_tokens_on_one_host_have_their_own_paths(self, place):
        await place.present(self.one)
        await place.present(self.other)
        await place.clean_up(self.other)
        assert Ready() == await place.check(self.one)
        assert await place.check(self.other) == NotReady("wrong status code '404', expected '200'")
