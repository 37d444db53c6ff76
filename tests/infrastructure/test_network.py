"""Tests reach this machine and no other."""

from __future__ import annotations

import socket

import pytest

from tests.plugins.network import NetworkShut, is_loopback


class TestNetwork:
    def test_refuses_other_machines(self) -> None:
        with socket.socket() as door, pytest.raises(NetworkShut):
            door.connect(("192.0.2.1", 80))
        with pytest.raises(NetworkShut):
            socket.getaddrinfo("shop.example", 80)

    def test_lets_this_machine_through(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()

    @pytest.mark.parametrize(
        ("host", "expected"),
        [("127.0.0.9", True), ("::1", True), ("mei.localhost", True), ("10.0.0.1", False)],
    )
    def test_knows_loopback(self, host: str, expected: bool) -> None:
        assert is_loopback(host) is expected
