"""Ports for clients under test."""

from __future__ import annotations

import itertools
import socket

import pytest

from gravel import free_port as module
from gravel.free_port import first_turn, free_port


def test_a_free_port_can_be_listened_on_and_is_not_one_that_is_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(module, "_PORTS", [port, other := free_port()])
        assert {free_port() for _ in range(20)} == {other}


def test_one_process_is_told_no_port_twice():
    ports = [free_port() for _ in range(300)]
    assert len(set(ports)) == 300
    assert all(20000 <= port < 32768 for port in ports)


@pytest.mark.parametrize("first", [1, 4_000, 4_194_240])
def test_processes_side_by_side_are_sent_to_different_places(first):
    begun = sorted(first_turn(process) for process in range(first, first + 64))
    assert min(later - earlier for earlier, later in itertools.pairwise(begun)) > 150
