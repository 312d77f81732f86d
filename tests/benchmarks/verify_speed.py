"""How fast records are verified, as ratios to bare signatures in the same run.

make bench PYTEST_ARGS="-k verifying"
"""

from __future__ import annotations

import gc
import os
import resource
import time

import pytest

from planloom.core import canonical
from planloom.records import envelope
from planloom.records.record import genesis
from planloom.trust import checkpoint
from planloom.trust.audit.history import History
from planloom.trust.verify import Request, verify
from trust.histories import CI, ORIGIN, YOU, Shape, World

VERIFY_RATIO = 1.6
SIGN_RATIO = 3.0
GROWTH = 1.5
LINEAR = 1.2
MEMORY_MB = 1024


def timed(action):
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def cpu_time(action, times=100):
    """Return the seconds of CPU time of one call, from a hundred: short enough that other work on the machine often leaves it alone."""
    start = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - start) / times


def prototypes(folder):
    """One small finished work item, whose records are copied under other names."""
    world = World(folder, tuple(Shape(f"s{i}") for i in range(9)))
    world.open()
    world.do(*(f"s{i}" for i in range(9)))
    return world.history(signed=False)


def large_history(folder, records):
    """As many records as asked for, in work items of 20, each signed anew for its own chain."""
    small = prototypes(folder)
    paths = [p for p in small.files if checkpoint.is_record_path(p)]
    files = {p: c for p, c in small.files.items() if p not in paths and "/release-1/" not in p}
    attached = {p: c for p, c in small.files.items() if p not in paths and "/release-1/" in p}
    for number in range(records // len(paths)):
        item = f"item-{number}"
        files |= {p.replace("release-1", item): c for p, c in attached.items()}
        renamed: dict[str, str] = {}
        for path in sorted(paths, key=lambda p: (small.files[p] is None, read_at(small.files[p]), p)):
            payload = envelope.decode(small.files[path]).payload
            text = payload.decode().replace("release-1", item)
            old_genesis, new_genesis = genesis_pair(text, item)
            text = text.replace(old_genesis, new_genesis)
            for old, new in renamed.items():
                text = text.replace(old, new)
            nonce = canonical.digest(f"{path} {number}".encode())[:32]
            record = read(text.encode())._replace(nonce=nonce)
            changed = record.to_payload()
            renamed[canonical.digest(payload)] = canonical.digest(changed)
            files[path.replace("release-1", item)] = CI.seal(changed)
    head, leaves = checkpoint.build_checkpoint(files, b"", ORIGIN, CI)
    files |= {checkpoint.CHECKPOINT_PATH: head, checkpoint.LEAVES_PATH: leaves}
    return History(files)


def read(payload):
    from planloom.records.record import Record

    return Record.from_payload(payload)


def read_at(content):
    return read(envelope.decode(content).payload).at


def genesis_pair(text, item):
    chain = read(text.encode()).chain
    return genesis(chain.replace(item, "release-1")), genesis(chain)


def bare(history):
    """Only the signatures: what nobody can do without."""
    known = {YOU.key_id: YOU.key, CI.key_id: CI.key}
    jobs = []
    for path, content in history.files.items():
        if checkpoint.is_record_path(path):
            opened = envelope.decode(content)
            jobs.append((known[opened.key_id], opened.signature, envelope.pae(envelope.PAYLOAD_TYPE, opened.payload)))

    def run():
        return all(key.verifies(signature, message) for key, signature, message in jobs)

    return run, len(jobs)


@pytest.mark.timeout(900)
def test_verifying_costs_little_more_than_the_signatures_and_grows_with_their_number(tmp_path):
    workers = min(8, os.cpu_count() or 1)
    rates = []
    for size in (1_000, 10_000):
        history = large_history(tmp_path, size)
        run, count = bare(history)
        gc.collect()
        gc.freeze()
        plain = min(timed(run)[0] for _ in range(3))
        spent, result = min((timed(lambda h=history: verify(h, Request(workers=workers))) for _ in range(3)), key=lambda r: r[0])
        assert result.findings == ()
        print(
            f"\nverify {count} records: {spent:.2f} s, bare signatures {plain:.2f} s: {spent / plain:.2f}x with {workers} threads"
        )
        rates.append(spent / count)
    print(f"growth per record from 1,000 to 10,000: {rates[1] / rates[0]:.2f}")
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory: {megabytes:.0f} MB")
    assert spent / plain <= VERIFY_RATIO
    assert rates[1] / rates[0] <= GROWTH
    assert megabytes < MEMORY_MB


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_verifying_a_hundred_thousand_records_is_linear_and_stays_below_a_gigabyte(tmp_path):
    request = Request(workers=min(8, os.cpu_count() or 1))
    per_record = []
    for size in (10_000, 100_000):
        history = large_history(tmp_path, size)
        run, count = bare(history)
        gc.collect()
        gc.freeze()
        plain = cpu_time(run, 1)
        results = []
        spent = cpu_time(lambda h=history, r=results: r.append(verify(h, request)), 1)
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        assert results[0].findings == ()
        assert results[0].records == count
        print(f"\nverify {count} records: {spent:.1f} s of CPU, bare {plain:.1f} s: {spent / plain:.2f}x, {megabytes:.0f} MB")
        per_record.append(spent / count)
    print(f"growth per record from 10,000 to 100,000: {per_record[1] / per_record[0]:.2f}")
    assert megabytes < MEMORY_MB
    assert per_record[1] / per_record[0] <= LINEAR


def test_verifying_aside_signing_a_handoff_costs_little_more_than_its_signature(tmp_path):
    files = prototypes(tmp_path).files
    content = next(c for p, c in sorted(files.items()) if "/handoff/" in p)
    record = read(envelope.decode(content).payload)
    message = envelope.pae(envelope.PAYLOAD_TYPE, record.to_payload())
    plain, whole = [], []
    for _ in range(40):
        plain.append(cpu_time(lambda: CI.sign(message)))
        whole.append(cpu_time(lambda: CI.seal(record.to_payload())))
    plain, whole = min(plain), min(whole)
    print(f"\nsign a handoff: {whole * 1e6:.0f} us, bare signature {plain * 1e6:.0f} us: {whole / plain:.2f}x")
    assert whole / plain <= SIGN_RATIO
