"""A server on a real socket that the rows of the attack tables share, and for each row a client with a new account."""

from __future__ import annotations

import pytest

from acme_server.personality import PERSONALITIES
from acme_server.settings import Settings
from tests.acme_server.attack_rig import Attacker
from tests.acme_server.wire_rig import served


@pytest.fixture(scope="module", params=PERSONALITIES)
def personality(request):
    return request.param


@pytest.fixture(scope="module")
def target(personality):
    with served(Settings(personality=PERSONALITIES[personality])) as served_at:
        yield served_at


@pytest.fixture
def attacker(target):
    client = Attacker(*target)
    client.register()
    return client
