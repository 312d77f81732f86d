"""Gates, rejections and reverts: what counts, for whom, and what is taken back with it."""

from __future__ import annotations

import pytest

from planloom.core.errors import Conflict, InputError, TrustError
from planloom.records.references import Builder
from planloom.report.table import status_document, write_status, write_why
from planloom.runtime import claiming, deciding, delegating, invalidating, opening
from planloom.runtime.completing import Late
from planloom.runtime.effects import format_time
from planloom.trust.policy import Revocation
from trust import histories
from worlds import ANN, BOB, CI, ITEM, YOU, Shape, World, default_policy

GATED = (Shape("a"), Shape("b", ("a",), gate=("approver", 2)), Shape("c", ("b",)))


@pytest.fixture
def gated(tmp_path):
    world = World(tmp_path, *GATED)
    world.do("a")
    return world


def test_a_gate_waits_for_as_many_keys_as_it_wants(gated):
    assert gated.blocked("b") == ["approval"]
    gated.decide("b", by=YOU)
    (blocker,) = gated.try_claim("b").blockers
    assert blocker.text == "1 approval by approver"
    gated.decide("b", by=ANN)
    assert gated.claim("b")


def asked(_):
    pytest.fail("somebody was asked to sign what is refused")


@pytest.mark.parametrize(
    ("change", "code"),
    [({"revoked": Revocation(0, "left")}, "E_KEY_REVOKED"), ({"valid_until": "2020-01-01T00:00:00.000Z"}, "E_KEY_EXPIRED")],
)
@pytest.mark.parametrize("reject", [False, True])
def test_whose_key_does_not_count_any_more_is_refused_before_anything_is_shown(gated, change, code, reject):
    changed = tuple(key._replace(**change) if key.name == "ann" else key for key in gated.policy.keys)
    gated.policy = gated.policy._replace(keys=changed)
    with pytest.raises(TrustError) as refused:
        gated.decide("b", by=ANN, reject=reject, confirm=asked)
    assert refused.value.code == code


@pytest.mark.parametrize("step", ["c", "x"])
def test_a_rejection_that_sends_the_work_back_to_a_wrong_step_is_refused_before_anything_is_shown(gated, step):
    with pytest.raises((InputError, Conflict)):
        gated.decide("b", reject=True, reentry=step, confirm=asked)


def test_a_revert_with_a_revoked_key_is_refused_before_anything_is_shown(tmp_path):
    world = World(tmp_path, Shape("a", baseline=True))
    world.do("a")
    changed = tuple(key._replace(revoked=Revocation(0, "left")) if key.name == "you" else key for key in world.policy.keys)
    world.policy = world.policy._replace(keys=changed)
    with pytest.raises(TrustError) as refused:
        world.revert("a", confirm=asked)
    assert refused.value.code == "E_KEY_REVOKED"


def test_the_same_key_approves_once(gated):
    gated.decide("b")
    with pytest.raises(Conflict, match="approved step b of demo-1 already"):
        gated.decide("b")


def test_a_claim_names_the_approvals_that_it_rests_on(gated):
    digests = {gated.decide("b", by=YOU).digest, gated.decide("b", by=ANN).digest}
    assert set(gated.claim("b").claim.record.body.approvals) == digests


def test_a_key_without_the_role_may_not_decide(gated):
    with pytest.raises(TrustError) as refused:
        gated.decide("b", by=CI)
    assert refused.value.code == "E_ROLE"


def test_an_approver_of_another_role_does_not_count(tmp_path):
    world = World(tmp_path, Shape("b", gate=("auditor", 1)))
    world.decide("b", by=ANN)
    assert world.blocked("b") == ["approval"]
    world.decide("b", by=BOB)
    assert world.claim("b")


def test_the_policy_can_want_more_approvals_than_the_plan(tmp_path):
    world = World(tmp_path, Shape("b", gate=("approver", 1)), policy=default_policy(thresholds={"root": 1, "approver": 2}))
    world.decide("b", by=YOU)
    assert world.blocked("b") == ["approval"]
    world.decide("b", by=ANN)
    assert world.claim("b")


def test_an_approval_ends_when_it_expires(tmp_path):
    world = World(tmp_path, Shape("b", gate=("approver", 1)))
    world.decide("b", expires=format_time((world.clock.seconds + 60) * 1000))
    world.clock.pass_seconds(60)
    assert world.blocked("b") == ["approval"]
    world.decide("b")
    assert world.claim("b")


@pytest.mark.parametrize("expires", ["tomorrow", "2026-12-31", "2026-12-31T00:00:00Z", "2026-02-30T00:00:00.000Z", "\u0661" * 24])
def test_an_expiry_that_is_no_moment_is_refused_before_anything_is_signed(gated, expires):
    with pytest.raises(InputError, match="is not a moment"):
        gated.decide("b", expires=expires)
    assert gated.events("demo-1/_gate-b") == []


def test_an_expiry_that_is_over_is_refused(gated):
    with pytest.raises(InputError, match="is over already"):
        gated.decide("b", expires="2020-01-01T00:00:00.000Z")


def test_an_approval_is_bound_to_what_was_shown(gated):
    gated.decide("b", by=YOU)
    gated.decide("b", by=ANN)
    gated.decide("b", by=BOB, reject=True, reentry="a")
    gated.do("a")
    assert gated.blocked("b") == ["approval"]  # another handoff: what was approved is not what would be built on


def test_a_gate_is_not_decided_before_its_inputs_are_there(tmp_path):
    world = World(tmp_path, *GATED)
    with pytest.raises(Conflict, match="it needs a"):
        world.decide("b")


def test_a_step_without_a_gate_has_nothing_to_approve(gated):
    with pytest.raises(InputError, match="has no gate"):
        gated.decide("a")


def test_the_claimants_own_approval_does_not_count(tmp_path):
    policy = default_policy(ci=("approver",))
    world = World(tmp_path, Shape("b", gate=("approver", 1)), policy=policy)
    world.decide("b", by=CI)
    assert world.blocked("b") == ["approval"]
    world.decide("b", by=ANN)
    assert world.claim("b")


def test_the_policy_may_allow_the_claimants_own_approval(tmp_path):
    policy = default_policy(ci=("approver",), allow_self_approval=True)
    world = World(tmp_path, Shape("b", gate=("approver", 1)), policy=policy)
    world.decide("b", by=CI)
    assert world.claim("b")


def test_what_only_its_own_key_approved_starts_no_wave_and_no_further_run(tmp_path):
    # Else an orchestrator would start itself again and again, and each time claim nothing.
    policy = default_policy(ci=("approver",))
    world = World(tmp_path, Shape("b", gate=("approver", 1)), policy=policy)
    world.decide("b", by=CI)
    session = world.session(builder=Builder("github", "7", "1", ""))
    assert claiming.claim_wave(session, [ITEM], 256) == ()
    delegated = delegating.delegate_item(session, ITEM, "go on")
    assert delegated.schedule.dispatchable == ()
    following = delegating.choose_next(ITEM, delegated.view.header.settings, [delegated], collectable=True)
    assert [one.workflow for one in following] == ["demo-collector.yml"]


def test_a_rejection_blocks_however_many_approve(gated):
    gated.decide("b", by=YOU)
    gated.decide("b", by=ANN)
    gated.decide("b", by=BOB, reject=True)
    assert gated.blocked("b") == ["rejected"]


def test_the_newest_word_of_a_key_counts(gated):
    gated.decide("b", by=YOU, reject=True)
    gated.decide("b", by=ANN)
    gated.decide("b", by=YOU)
    assert gated.claim("b")


def test_an_approval_can_be_withdrawn_by_a_rejection(gated):
    gated.decide("b", by=YOU)
    gated.decide("b", by=ANN)
    gated.decide("b", by=ANN, reject=True)
    assert gated.blocked("b") == ["rejected"]


def test_a_rejection_with_reentry_sends_the_work_back(gated):
    gated.decide("b", reject=True, reentry="a")
    assert gated.status("a", "b", "c") == ["pending", "pending", "pending"]
    assert gated.claim("a").attempt.number == 2


@pytest.mark.parametrize("step", ["b", "c"])
def test_work_cannot_start_again_behind_the_gate(gated, step):
    with pytest.raises(InputError, match="does not build on"):
        gated.decide("b", reject=True, reentry=step)
    with pytest.raises(InputError, match="no step 'x'"):
        gated.decide("b", reject=True, reentry="x")
    assert gated.events("demo-1/_gate-b") == []


def test_an_integrated_step_is_not_sent_back_by_a_rejection(tmp_path):
    world = World(tmp_path, Shape("a", baseline=True), Shape("b", ("a",), gate=("approver", 1)))
    world.do("a")
    with pytest.raises(Conflict, match="a is integrated"):
        world.decide("b", reject=True, reentry="a")


def test_what_is_shown_again_is_what_has_changed_meanwhile(gated):
    shown = []

    def confirm(what):
        shown.append(what.inputs)
        if len(shown) == 1:  # while the approver reads, another one sends the work back and it is done again
            gated.decide("b", by=ANN, reject=True, reentry="a")
            gated.do("a")
        return True

    signed = gated.decide("b", by=YOU, confirm=confirm)
    assert len(shown) == 2
    assert shown[0] != shown[1]
    assert signed.record.body.inputs[0].digest == gated.state("a").handoff.digest


def test_nothing_is_signed_when_the_approver_says_no(gated):
    assert gated.decide("b", confirm=lambda _: False) is None
    assert gated.events("demo-1/_gate-b") == []


def row_of(world, step):
    view, schedule = world.view(), world.schedule()
    return view, next(row for row in schedule.rows if row.step.key == step)


def last_column(world, step):
    lines = write_status(world.view(), world.schedule()).splitlines()
    return next(line for line in lines if f" {step} " in line or line.endswith(f" {step}")).split("   ")[-1].strip()


def test_status_and_why_name_those_who_must_still_sign(gated):
    assert last_column(gated, "b") == "2 approvals by approver; from ann, bob, you"
    gated.decide("b", by=ANN)
    assert last_column(gated, "b") == "1 approval by approver; from bob, you"
    view, row = row_of(gated, "b")
    assert "  bob, you (as approver) can go on: planloom approve demo-1 b" in write_why(view, row).splitlines()
    (blocker,) = next(s for s in status_document(view, gated.schedule())["steps"] if s["key"] == "b")["waitsFor"]
    assert (blocker["by"], blocker["who"]) == (["approver"], ["bob", "you"])


def test_of_a_rejected_gate_only_who_rejected_it_is_named(gated):
    gated.decide("b", by=ANN, reject=True)
    assert last_column(gated, "b") == "rejected by ann; from ann"


def test_a_gate_that_nobody_may_open_says_so(tmp_path):
    world = World(tmp_path, Shape("b", gate=("lawyer", 1)))
    assert last_column(world, "b") == "1 approval by lawyer; from nobody whom the policy knows"


def test_work_that_was_sent_back_is_counted_and_shown(gated):
    for times, said in ((1, "taken back once"), (2, "taken back 2 times")):
        gated.decide("b", reject=True, reentry="a")
        assert gated.state("a").reworks == times
        assert last_column(gated, "a").endswith(said)
        assert f"  its work was {said}" in write_why(*row_of(gated, "a")).splitlines()
        gated.do("a")
    assert "taken back" not in last_column(gated, "a")
    steps = status_document(gated.view(), gated.schedule())["steps"]
    assert [(step["key"], step["reworks"]) for step in steps] == [("a", 2), ("b", 0), ("c", 0)]


def test_an_approver_is_told_what_they_made_themselves_and_how_many_the_policy_wants(tmp_path):
    policy = default_policy(ci=("approver",), thresholds={"root": 1, "approver": 2})
    world = World(tmp_path, Shape("a"), Shape("b", ("a",), gate=("approver", 1)), policy=policy)
    world.do("a")
    shown = []
    for key in (CI, ANN):
        world.decide("b", by=key, confirm=lambda what: shown.append((what.made, what.given, what.wanted)) or True)
    assert shown == [(("a",), 0, 2), ((), 1, 2)]


# Reverts

CHAIN = (Shape("a", baseline=True), Shape("b", ("a",)), Shape("c", ("b",)), Shape("x"))


@pytest.fixture
def integrated(tmp_path):
    world = World(tmp_path, *CHAIN)
    world.do("a", "b")
    return world


def test_a_revert_takes_back_the_step_and_all_that_was_built_on_it(integrated):
    integrated.do("x")
    written = integrated.revert("a")
    assert [(w.record.event, w.record.step.key) for w in written] == [
        ("reverted", "a"),
        ("invalidated", "b"),
        ("invalidated", "c"),
    ]
    assert integrated.status("a", "b", "c", "x") == ["pending", "pending", "pending", "done"]


def test_only_what_is_integrated_is_reverted_and_only_by_its_exact_handoff(integrated):
    with pytest.raises(Conflict, match="not integrated"):
        integrated.revert("b")
    with pytest.raises(Conflict, match="the integrated handoff"):
        integrated.revert("a", handoff="f" * 64)
    for short in ("", "abc", "sha256:12345"):
        digest = integrated.state("a").handoff.digest
        with pytest.raises(InputError, match="at least 12 digits"):
            integrated.revert("a", handoff=short or f"sha256:{digest[:11]}")
    assert integrated.revert("a", handoff="sha256:" + integrated.state("a").handoff.digest[:12])


def test_a_key_that_may_not_integrate_may_not_revert(integrated):
    from planloom.runtime.invalidating import revert_step

    with pytest.raises(TrustError) as refused:
        revert_step(
            integrated.session(you=ANN),
            ITEM,
            "a",
            handoff=integrated.state("a").handoff.digest,
            reason="",
            cascade=False,
            confirm=lambda _: True,
        )
    assert refused.value.code == "E_ROLE"


def test_integrated_steps_downstream_go_along_only_by_cascade(tmp_path):
    world = World(tmp_path, Shape("a", baseline=True), Shape("b", ("a",), baseline=True), Shape("c", ("b",)))
    world.do("a", "b", "c")
    with pytest.raises(Conflict, match="b is integrated too"):
        world.revert("a")
    world.revert("a", cascade=True)
    assert world.status("a", "b", "c") == ["pending", "pending", "pending"]


def test_a_claim_that_runs_downstream_of_a_revert_ends_as_superseded(integrated):
    won = integrated.claim("c")
    integrated.revert("a")
    assert integrated.status("c") == "running"
    done = integrated.finish(won)
    assert (done.event, done.state.status.value) == ("superseded", "pending")
    assert integrated.events("demo-1/c") == ["claimed", "invalidated", "superseded"]


def test_a_failure_downstream_of_a_revert_uses_up_nothing(tmp_path):
    world = World(tmp_path, Shape("a", baseline=True), Shape("b", ("a",), attempts=1))
    world.do("a")
    won = world.claim("b")
    world.revert("a")
    world.finish(won, "failure")
    assert world.status("b") == "pending"


def test_after_a_revert_everything_is_done_again_with_the_next_number(integrated):
    integrated.revert("a")
    integrated.do("a", "b", "c")
    assert [integrated.state(k).attempt for k in "abc"] == [2, 2, 1]
    assert integrated.status("a") == "integrated"


class Interfering:
    """A ledger between whose reading and appending something else happens once."""

    def __init__(self, inner, then):
        self.inner, self.then = inner, then

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def append(self, entries, unmoved):
        then, self.then = self.then, None
        if then:
            then()
        return self.inner.append(entries, unmoved)


def interfere(world, then):
    session = world.session()
    return session._replace(ledger=Interfering(world.ledger, then))


def test_a_claim_that_was_decided_before_a_revert_is_lost_and_decided_again(integrated):
    session = interfere(integrated, lambda: integrated.revert("a"))
    outcome = claiming.claim_step(session, ITEM, "c")
    assert isinstance(outcome, claiming.Refused)
    assert [b.kind for b in outcome.blockers] == ["needs"]


def test_a_completion_that_was_decided_before_a_revert_becomes_superseded(integrated):
    from planloom.runtime.completing import Result, complete_attempt

    won = integrated.claim("c")
    session = interfere(integrated, lambda: integrated.revert("a"))
    assert complete_attempt(session, ITEM, "c", won.attempt.id, Result("success")).event == "superseded"


def test_a_completion_that_was_decided_before_it_was_given_up_is_kept_as_refused(integrated):
    from planloom.runtime.completing import Result, complete_attempt

    won = integrated.claim("c")
    session = interfere(integrated, lambda: integrated.abandon("c"))
    assert isinstance(complete_attempt(session, ITEM, "c", won.attempt.id, Result("success")), Late)


def test_a_revert_that_was_decided_before_a_completion_shows_its_impact_again(integrated):
    won = integrated.claim("c")
    shown = []

    def confirm(impact):
        shown.append(impact.running)
        if len(shown) == 1:
            integrated.finish(won)
        return True

    integrated.revert("a", confirm=confirm)
    assert shown == [("c",), ()]
    assert integrated.status("c") == "pending"


def test_of_two_that_claim_at_once_one_wins(integrated):
    session = interfere(integrated, lambda: integrated.claim("c", executor="ann"))
    outcome = claiming.claim_step(session, ITEM, "c")
    assert isinstance(outcome, claiming.Refused)
    assert outcome.blockers[0].by == ("ann",)


def test_of_two_that_want_the_last_unit_of_a_resource_one_gets_it(tmp_path):
    world = World(tmp_path, Shape("a", resources={"r": 1}), Shape("b", resources={"r": 1}), capacity={"r": 1})
    outcome = claiming.claim_step(interfere(world, lambda: world.claim("b")), ITEM, "a")
    assert isinstance(outcome, claiming.Refused)
    assert world.held("r") == {"demo-1/b#1": 1}


@pytest.mark.parametrize("reentry", ["", "a"])
@pytest.mark.parametrize("wave", [True, False])
def test_a_rejection_between_a_claims_reading_and_its_append_stops_the_claim(tmp_path, reentry, wave):
    world = World(tmp_path, Shape("a"), Shape("b", ("a",), gate=("approver", 1)))
    world.do("a")
    world.decide("b", by=ANN)
    session = interfere(world, lambda: world.decide("b", by=ANN, reject=True, reentry=reentry))
    if wave:
        assert "b" not in [won.step.key for won in claiming.claim_wave(session, [ITEM], 9)]
    else:
        assert isinstance(claiming.claim_step(session, ITEM, "b"), claiming.Refused)
    assert world.events("demo-1/b") == (["invalidated"] if reentry else [])


def test_a_claim_that_was_decided_before_its_work_item_was_closed_is_refused(tmp_path):
    world = World(tmp_path, Shape("a"))
    outcome = claiming.claim_step(interfere(world, world.close), ITEM, "a")
    assert isinstance(outcome, claiming.Refused)
    assert [blocker.kind for blocker in outcome.blockers] == ["closed"]


@pytest.mark.parametrize("end", ["finish", "abandon"])
def test_what_a_claim_holds_is_given_back_although_its_work_item_was_closed_at_the_same_moment(tmp_path, end):
    world = World(tmp_path, Shape("a", resources={"r": 1}), capacity={"r": 1})
    found = []
    opening.close_item(interfere(world, lambda: found.append(world.claim("a"))), ITEM, result="stopped", reason="r", key="you")
    (won,) = found
    assert world.held("r") == {"demo-1/a#1": 1}
    with pytest.raises(Conflict, match="is closed"):
        world.finish(won) if end == "finish" else world.abandon("a")
    world.open("demo-2")
    assert world.held("r", "demo-2") == {}


def test_an_approval_is_spent_when_the_work_that_it_allowed_is_taken_back(tmp_path):
    world = World(tmp_path, Shape("a"), Shape("b", ("a",), gate=("approver", 1), baseline=True))
    world.do("a")
    first = world.decide("b", by=ANN)
    world.do("b")
    world.revert("b")
    assert world.blocked("b") == ["approval"]
    second = world.decide("b", by=ANN)
    assert world.claim("b").claim.record.body.approvals == (second.digest,)
    assert second.digest != first.digest


def test_an_approval_serves_every_attempt_until_one_succeeds(tmp_path):
    world = World(tmp_path, Shape("b", gate=("approver", 1), attempts=2))
    approval = world.decide("b", by=ANN)
    won = world.claim("b")
    world.finish(won, "failure")
    assert world.claim("b").claim.record.body.approvals == (approval.digest,)


# Doing again what is done: its outputs are lost


@pytest.fixture
def lost(tmp_path):
    shapes = (Shape("make"), Shape("use", ("make",), gate=("approver", 1)), Shape("tell", ("use",)), Shape("other"))
    world = World(tmp_path, *shapes)
    world.do("make", "other")
    world.decide("use")
    world.do("use")
    return world


def test_a_step_whose_outputs_are_lost_is_done_again_with_all_that_was_built_on_it(lost):
    lost.redo("make")
    assert lost.status("make", "use", "tell", "other") == ["pending", "pending", "pending", "done"]
    assert lost.events(f"{ITEM}/make") == ["claimed", "completed", "retried"]
    assert lost.events(f"{ITEM}/use")[-1] == "invalidated"
    lost.do("make")
    # Who approved what was taken back has not approved that it is done again.
    assert lost.blocked("use") == ["approval"]
    lost.decide("use")
    lost.do("use", "tell")
    assert lost.state("make").attempt == 2
    assert not lost.view().item.is_open


def test_a_step_that_is_not_done_and_a_closed_work_item_are_not_done_again(lost):
    with pytest.raises(Conflict, match="pending"):
        lost.redo("tell")
    lost.do("tell")
    with pytest.raises(Conflict, match="closed"):
        lost.redo("make")


def test_what_is_integrated_is_reverted_before_what_it_builds_on_is_done_again(tmp_path):
    world = World(tmp_path, Shape("make"), Shape("merge", ("make",), baseline=True))
    world.do("make", "merge")
    with pytest.raises(Conflict, match="merge is integrated") as refused:
        world.redo("make")
    assert f"planloom revert {ITEM} merge" in refused.value.hint
    world.revert("merge")
    world.redo("make")
    assert world.status("make", "merge") == ["pending", "pending"]


def test_a_key_that_may_not_take_work_back_does_not_do_it_again(lost):
    with pytest.raises(TrustError):
        invalidating.redo_step(lost.session(you=CI), ITEM, "make", "lost")
    assert lost.status("make") == "done"


def test_a_claim_that_runs_on_lost_outputs_ends_as_superseded(lost):
    running = lost.claim("tell")
    lost.redo("make")
    lost.finish(running)
    assert lost.events(f"{ITEM}/tell") == ["claimed", "invalidated", "superseded"]


def test_a_retry_of_a_step_that_is_done_names_the_way_to_lost_outputs(lost):
    with pytest.raises(Conflict, match="needs no retry") as refused:
        lost.retry("make")
    assert f"--structured-work-item {ITEM} --retry make --take-back" in refused.value.hint
    with pytest.raises(Conflict) as refused:
        lost.retry("tell")
    assert "--take-back" not in refused.value.hint


def test_a_plan_that_changes_while_somebody_looks_is_shown_again_before_it_is_signed(tmp_path):
    """The inputs are the same, and the step that they are approved for is another one."""
    before = (histories.Shape("build"), histories.Shape("publish", ("build",), gate=1))
    world = histories.World(tmp_path, before)
    world.open()
    world.do("build")
    seen = []

    def look(shown):
        seen.append((shown.view.item.plan.digest, shown.view.steps["publish"].digest))
        if len(seen) == 1:
            world.migrate((before[0], histories.Shape("publish", ("build",), gate=1, version=2)))
        return True

    signed = deciding.decide_gate(
        world.session(), "release-1", "publish", reject=False, reentry="", reason="", expires="", confirm=look
    )
    assert len(set(seen)) == 2
    assert (signed.record.plan.digest, signed.record.step.digest) == seen[-1]
