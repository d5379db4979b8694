"""The OpenAPI document: every route is in it, it is valid, and the server shows it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gravel.management.schemas import SETTINGS
from gravel.management.world_options import DNS_SETTINGS
from gravel.management.world_options import SETTINGS as READ
from tests.gravel.conftest import GRAVEL
from tests.gravel.management.management_routes import DESCRIBED, DOCUMENT, ROUTES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/management-api.md").read_text()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


def test_every_route_says_what_it_takes_and_answers():
    assert [(route.method, route.path) for route in ROUTES if route.operation is None] == []


def test_the_document_has_each_route_once_and_nothing_else():
    assert sorted(OPERATIONS) == sorted((route.path, route.method.lower()) for route in ROUTES)


def test_the_document_is_openapi():
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_a_sentence_says_what_each_request_is_for():
    assert [route.path for route in DESCRIBED if not re.fullmatch(r"[A-Z].*[.:]", route.operation.summary)] == []


def test_the_settings_of_a_world_are_those_that_are_read():
    assert sorted(SETTINGS) == sorted((*READ, *DNS_SETTINGS))


async def test_the_server_shows_it(manage):
    status, text = await (await manage()).get("/openapi.json")
    assert (status, json.loads(text)) == (200, DOCUMENT)


@pytest.mark.client("curl")
def test_the_commands_of_the_page_print_what_stands_there(tmp_path):
    [(commands, printed)] = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GRAVEL_")}
    environment = {**inherited, "PYTHONPATH": str(ROOT)}
    run = [*GRAVEL, "run", "--", "sh", "-eu", "-c", commands]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr


@pytest.mark.parametrize(("method", "path"), [("POST", "/worlds/w/reset"), ("DELETE", "/worlds/w"), ("GET", "/clock")])
@pytest.mark.parametrize("body", [b"x", b"[]", b'{"id": "w"}'])
async def test_a_body_where_none_is_taken_is_refused(manage, method, path, body):
    management = await manage()
    await management.ask("/worlds", id="w")
    url = management.running.addresses.management + path
    async with management.session.request(method, url, data=body) as answer:
        assert (answer.status, await answer.json()) == (400, {"error": f"{method} {path} takes no body"})


async def test_an_empty_object_says_nothing_and_is_taken_for_nothing(manage):
    management = await manage()
    await management.ask("/worlds", id="w")
    assert (await management.post("/worlds/w/reset", b" {} "))[0] == 200
    assert (await management.post("/rate-limits/reset", b""))[0] == 204
