"""The rules of ARCHITECTURE.md, held by the standard library's `ast`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOUSES = ("acme_server", "solvers", "scheduler", "issuer_bridge", "gravel", "conformance")
SOURCES = sorted(path for house in HOUSES for path in (ROOT / house).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# house -> what it may import of ours; a prefix stands for all below it.
STAIR = {
    "acme_server.protocol": ("acme_server.protocol",),
    "acme_server": ("acme_server",),
    "solvers": ("solvers", "acme_server.protocol"),
    "scheduler.simulator": ("scheduler", "solvers", "acme_server"),
    "scheduler": ("scheduler", "solvers.solver", "acme_server.protocol"),
    "issuer_bridge": ("issuer_bridge", "scheduler", "solvers", "acme_server.protocol"),
    "gravel": HOUSES,
    "conformance": ("conformance",),
}
# The only files that may touch sockets or the event loop, outside the door and the conformance suite.
SHELLS = {
    "acme_server/direct_fetch.py",
    "acme_server/dns_exchange.py",
    "acme_server/faults/wire.py",
    "acme_server/handshake.py",
    "acme_server/network.py",
    "acme_server/network_failures.py",
    "acme_server/runner.py",
    "acme_server/web.py",
    "solvers/dns/forwarder.py",
    "solvers/dns/server.py",
    "solvers/http01/server.py",
    "solvers/tls_context.py",
    "solvers/tlsalpn01/server.py",
    "issuer_bridge/acme_client/async_client.py",
    "issuer_bridge/cluster/connection.py",
    "issuer_bridge/kube_api/api.py",
    "issuer_bridge/kube_api/webhook_calls.py",
}
SHELL_MODULES = ("aiohttp", "asyncio", "socket", "ssl", "threading")
# Clock and entropy are arguments in the core: these calls belong to shells and to the door.
BANNED_CALLS = re.compile(
    r"(datetime\.(now|utcnow|today)|date\.today|time\.(time|monotonic|perf_counter|sleep)(_ns)?|os\.urandom"
    r"|secrets\.\w+|random\.\w+|uuid\.uuid[14]|\w+\.generate_private_key|\w+PrivateKey\.generate"
    r"|x509\.random_serial_number)"
)
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports_of(tree: ast.Module) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def house_of(path: Path) -> str:
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return next(house for house in STAIR if under(dotted, (house,)))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_down_the_stair(path):
    allowed = STAIR[house_of(path)]
    for name, line in imports_of(tree_of(path)):
        if name.split(".")[0] in (*HOUSES, "tests"):
            assert under(name, allowed), f"{name_of(path)}:{line} imports {name}, allowed are {allowed}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_shells_touch_sockets_and_the_event_loop(path):
    if house_of(path) in ("gravel", "conformance") or name_of(path) in SHELLS:
        return
    for name, line in imports_of(tree_of(path)):
        assert not under(name, SHELL_MODULES), f"{name_of(path)}:{line} imports {name}; only shells may"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_the_core_reads_no_clock_and_draws_no_random_number(path):
    if house_of(path) in ("gravel", "conformance") or name_of(path) in SHELLS:
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            assert not BANNED_CALLS.fullmatch(call), (
                f"{name_of(path)}:{node.lineno} calls {call}; take it as an argument"
            )


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=name_of)
def test_files_and_functions_are_short(path):
    lines = len(path.read_text().splitlines())
    limit = 500 if path in TESTS else 300
    assert lines <= limit, f"{name_of(path)} has {lines} lines, the limit is {limit}"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{name_of(path)}:{node.lineno} {node.name} has {length} lines, the limit is 60"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_says_what_it_is_for_in_its_name_and_in_its_first_lines(path):
    assert path.stem not in BANNED_NAMES, f"{name_of(path)}: name it after what it does"
    assert ast.get_docstring(tree_of(path)), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "__init__.py"], ids=name_of)
def test_a_package_init_holds_a_docstring_and_nothing_else(path):
    assert [type(node) for node in tree_of(path).body] == [ast.Expr]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_set_is_iterated(path):
    """A set's order differs from run to run (PYTHONHASHSEED); seeded runs would not repeat."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.For | ast.comprehension):
            shape = node.iter
            is_set = isinstance(shape, ast.Set | ast.SetComp) or (
                isinstance(shape, ast.Call) and ast.unparse(shape.func) in ("set", "frozenset")
            )
            assert not is_set, f"{name_of(path)}:{shape.lineno} iterates a set; sort it"
