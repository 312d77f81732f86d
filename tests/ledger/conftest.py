"""Every ledger, empty, one after the other."""

from __future__ import annotations

import pytest

from planloom.ledger.files import FileLedger
from planloom.ledger.memory import MemoryLedger


@pytest.fixture(params=["memory", "files"])
def ledger(request, tmp_path):
    if request.param == "memory":
        return MemoryLedger()
    return FileLedger(tmp_path / "artifacts")
