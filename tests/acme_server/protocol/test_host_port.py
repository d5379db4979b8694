"""`HOST:PORT`, there and back."""

import pytest

from acme_server.protocol.host_port import join_host_port, split_host_port


@pytest.mark.parametrize(
    ("host", "port", "text"),
    [("127.0.0.1", 53, "127.0.0.1:53"), ("::1", 53, "[::1]:53"), ("ns.example.test", 0, "ns.example.test:0")],
)
def test_it_is_read_as_it_was_written(host, port, text):
    assert text == join_host_port(host, port)
    assert (host, port) == split_host_port(text)


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.1:", "[::1]:dns"])
def test_without_a_port_it_is_nothing(text):
    with pytest.raises(ValueError):
        split_host_port(text)
