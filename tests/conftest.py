"""Settings that every test shares: how hard Hypothesis tries, and that nothing leaves this machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import HealthCheck, settings

LOOPBACK = ["127.0.0.1", "::1", "localhost"]

# Two cores carry the whole suite: how long one example takes says nothing, so there are no deadlines.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=50, **_QUIET)
settings.register_profile("ci", max_examples=100, derandomize=True, **_QUIET)
settings.register_profile("nightly", max_examples=5_000, **_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

# Whoever starts the tests in the background of a shell hands SIGINT down ignored; then a test that stops a run would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item):
    """Sockets reach this machine and no other."""
    pytest_socket.socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


@pytest.fixture
def nowhere(tmp_path):
    """Return a folder that belongs to no project: the test's own, or the root of the disk when `specs/` lies above that.

    A machine's folder for temporary files may well hold somebody's `specs/`.
    """
    for folder in (tmp_path, Path("/")):
        if not any((above / "specs").is_dir() or (above / "artifacts").is_dir() for above in (folder, *folder.parents)):
            return folder
    return pytest.skip("every folder of this machine lies in a project")
