import os
import socket
import stat
from pathlib import Path

import pytest

from cli import datadir, network
from cli.embedded import places
from cli.errors import CommandError, explain_os_error, with_reason
from cli.gate import Gate, wait_at
from cli.process import Account
from cli.state import State
from cli.status import running, without_password

ACCOUNT = Account(os.geteuid(), os.getegid())


def test_a_socket_lies_where_it_is_wished(tmp_path: Path) -> None:
    directory = places.socket_dir(tmp_path / "run", "s", ACCOUNT)

    assert directory == tmp_path / "run"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["x" * 100, "with space", "a,b"])
def test_a_path_that_is_too_long_or_not_plain_has_its_socket_elsewhere(tmp_path: Path, name: str) -> None:
    directory = places.socket_dir(tmp_path / name, "s", ACCOUNT)

    assert directory.name.startswith("agentguide-")
    assert len(os.fsencode(directory)) < 100
    assert directory == places.socket_dir(tmp_path / name, "s", ACCOUNT)
    places.drop_temporary(directory)
    assert not directory.exists()


def test_a_link_in_the_place_of_a_socket_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(CommandError, match="belongs to another user"):
        places.socket_dir(tmp_path / "run", "s", ACCOUNT)


def test_only_the_missing_permission_to_pass_is_added(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "inner").mkdir(parents=True)
    closed.chmod(0o700)
    said: list[str] = []

    places.let_through(closed / "inner", said.append)

    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert len(said) == 1
    assert str(closed) in said[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_may_be_listened_on(host: str) -> None:
    network.check_reach(host, require_auth=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])  # noqa: S104 - it must refuse it
def test_other_addresses_may_only_where_one_has_to_prove_who_one_is(host: str) -> None:
    with pytest.raises(CommandError, match="set AGENTGUIDE_REQUIRE_AUTH=true"):
        network.check_reach(host, require_auth=False)
    network.check_reach(host, require_auth=True)


def test_a_taken_port_is_told() -> None:
    with network.listen("127.0.0.1", 0) as taken, pytest.raises(CommandError, match="is taken by another program"):
        network.listen("127.0.0.1", taken.getsockname()[1])


def test_base_url() -> None:
    assert network.base_url("127.0.0.1", 8000) == "http://127.0.0.1:8000"
    assert network.base_url("::1", 8000) == "http://[::1]:8000"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "is full: free some space"),
        (PermissionError(13, "Permission denied"), "change its owner"),
        (OSError(30, "Read-only file system"), "read-only"),
        (NotADirectoryError(20, "Not a directory"), "is not a directory"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_a_refusal_of_the_system_becomes_a_sentence(error: OSError, told: str) -> None:
    assert told in explain_os_error(error, "/data")


def test_a_full_disk_is_known_from_a_servers_last_words() -> None:
    assert "is full" in with_reason("It failed", "FATAL: could not write: No space left on device")
    assert with_reason("It failed", "FATAL: no") == "It failed: FATAL: no"


def test_the_state_is_kept_for_its_owner_alone_and_removed(tmp_path: Path) -> None:
    state = State("http://a", "postgresql://b", "unix:///c", 2, {"supervisor": 7, "worker": [8, 9], "scheduler": None})

    state.write(tmp_path)

    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
    assert State.read(tmp_path) == state
    assert state.all_pids() == {7, 8, 9}
    State.remove(tmp_path)
    assert State.read(tmp_path) is None


def test_a_state_that_a_dead_stack_left_is_not_a_running_one(tmp_path: Path) -> None:
    State("http://a", "postgresql://b", "unix:///c", 2, {"supervisor": os.getpid()}).write(tmp_path)

    assert running(tmp_path) is None
    with datadir.locked(tmp_path):
        assert running(tmp_path) is not None


def test_a_locked_directory_names_the_process(tmp_path: Path) -> None:
    with (
        datadir.locked(tmp_path),
        pytest.raises(CommandError, match=rf"already running .*pid {os.getpid()}"),
        datadir.locked(tmp_path),
    ):
        pass


def test_passwords_do_not_show() -> None:
    assert without_password("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert without_password("unix:///run/s?db=0") == "unix:///run/s?db=0"


def test_a_gate_lets_nobody_through_until_it_is_opened() -> None:
    gate = Gate()
    os.set_blocking(gate.descriptor, False)
    with pytest.raises(BlockingIOError):
        os.read(gate.descriptor, 1)
    gate.open()

    wait_at(gate.descriptor)

    wait_at(None)


def test_an_address_family_follows_the_host() -> None:
    with network.listen("localhost", 0) as listener:
        assert listener.family in {socket.AF_INET, socket.AF_INET6}
