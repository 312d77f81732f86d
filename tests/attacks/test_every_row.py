"""The attack table of the design, row by row: which test shows it, by which code. Two rows have another code than the prototype that the table
came from had: one key counted twice is E_GATE (an approval) or E_ROOT (the policy), and a note that does not hold is E_CHECKPOINT or E_SIGNATURE.
"""

import inspect

import pytest

from attacks import test_attack_table, test_real_commands, test_single_bytes
from planloom.trust.audit.findings import MEANINGS
from records import test_envelope
from trust import test_policy

ROWS = {
    "a bit flipped anywhere": {
        "": ["test_every_changed_byte_is_found_and_its_file_named", "test_a_flipped_bit_in_any_file_is_found_and_its_file_named"]
    },
    "the same without a checkpoint": {
        "": ["test_a_changed_byte_is_found_without_a_checkpoint_too"],
        "E_ENVELOPE": ["test_another_key_id_on_a_good_signature"],
    },
    "payload edited, signature edited, payload type changed": {
        "E_SIGNATURE": [
            "test_an_edited_payload",
            "test_an_edited_signature",
            "test_a_signature_that_was_turned_into_another_one_by_arithmetic",
        ],
        "E_ENVELOPE": ["test_another_payload_type"],
    },
    "deletion in the middle or at the beginning, reordering": {
        "E_CHAIN_GAP": ["test_a_record_deleted_from_the_middle_of_its_chain"],
        "E_CHAIN_FOREIGN": [
            "test_the_records_of_one_chain_in_another_order",
            "test_a_chain_whose_beginning_was_cut_off_and_the_rest_renumbered",
        ],
    },
    "the end cut off": {"E_TRUNCATED": ["test_a_record_cut_off_at_the_end_of_its_chain", "test_a_whole_work_item_removed"]},
    "replay in place": {"E_CHAIN_REPLAY": ["test_a_record_copied_behind_itself", "test_the_nonce_of_another_record"]},
    "replay to another work item, step, attempt or plan": {
        "E_CHAIN_FOREIGN": ["test_a_record_replayed_in_another_work_item_or_step", "test_two_records_swapped"],
        "E_WORK_ITEM": ["test_a_record_that_speaks_of_another_work_item"],
        "E_CLAIM": ["test_a_result_for_another_claim", "test_a_skipped_attempt_number"],
        "E_PLAN": ["test_another_plan", "test_another_version_of_the_step"],
    },
    "an attempt completed twice, a claim never made": {
        "E_ATTEMPT_TWICE": ["test_an_attempt_completed_twice"],
        "E_CLAIM": ["test_a_result_without_a_claim"],
    },
    "a fork with honest keys, a splice": {
        "E_FORK": ["test_a_fork_by_a_key_holder_is_seen_against_the_checkpoint"],
        "E_CHAIN_FORK": ["test_a_spliced_chain"],
    },
    "a split view": {"E_SPLIT_VIEW": ["test_a_split_view"]},
    "an old checkpoint served again": {"E_ROLLBACK": ["test_an_older_state_served_again", "test_the_checkpoint_taken_away"]},
    "an unknown key under a known id or its own, a key of low order": {
        "E_SIGNATURE": ["test_an_unknown_key"],
        "E_POLICY": ["test_a_policy_with_a_key_of_low_order"],
    },
    "a role violated": {"E_ROLE": ["test_a_key_without_the_role", "test_a_checkpoint_by_a_key_that_may_not_sign_it"]},
    "one key counted twice": {"E_GATE": ["test_one_key_that_approves_twice"], "": ["test_a_threshold_counts_distinct_keys"]},
    "an expired or revoked key": {
        "E_KEY_EXPIRED": ["test_a_key_after_its_time", "test_a_key_before_its_time"],
        "E_KEY_REVOKED": ["test_a_revoked_key_counts_only_in_the_checkpoint_from_before"],
    },
    "duplicate keys, NaN, 1.0, long integers, deep nesting, BOM, bad UTF-8, lone surrogates": {
        "E_PAYLOAD": ["test_payloads_that_are_signed_but_no_record"],
        "E_ENVELOPE": ["test_another_spelling_of_the_envelope"],
    },
    "spaces, escapes, order of keys": {"E_NONCANONICAL": ["test_payloads_that_are_signed_in_another_spelling"]},
    "base64: URL-safe, newline, no padding, trailing bits": {
        "E_ENVELOPE": ["test_another_spelling_of_the_envelope", "test_another_spelling_of_an_envelope_is_refused"]
    },
    "time rolled back by a signer": {"E_TIME": ["test_times_that_run_backwards"]},
    "an artifact swapped": {"E_ARTIFACT": ["test_a_swapped_artifact", "test_an_edited_output_is_found"]},
    "names of outputs that lead elsewhere or collide": {
        "E_SUBJECT_PATH": ["test_an_output_whose_name_leads_elsewhere"],
        "E_SUBJECT": ["test_outputs_that_collide"],
    },
    "a foreign dependency, another predicate by the same key": {
        "E_DEPENDENCY": ["test_a_claim_on_a_handoff_that_does_not_exist", "test_a_claim_on_another_step_s_handoff"],
        "E_TYPE": ["test_what_a_key_signed_for_another_purpose"],
    },
    "a checkpoint edited, of another origin, by an unknown key": {
        "E_SIGNATURE": [
            "test_an_edited_checkpoint",
            "test_the_checkpoint_of_another_origin",
            "test_a_checkpoint_by_a_key_that_may_not_sign_it",
        ],
        "E_CHECKPOINT": ["test_half_a_checkpoint"],
    },
}


def find(name):
    places = (test_attack_table, test_single_bytes, test_real_commands, test_envelope, test_policy)
    return next(getattr(module, name) for module in places if hasattr(module, name))


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_attack_table_has_tests_that_expect_its_codes(row):
    for code, names in ROWS[row].items():
        assert names
        for name in names:
            test = find(name)
            given = [str(mark.args) for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            assert code in inspect.getsource(test) + "".join(given)


def test_every_code_of_the_verifier_is_expected_by_a_test_of_the_attacks():
    source = inspect.getsource(test_attack_table)
    # A key that can't be used stops a command before there is anything to verify; the portfolio and refs have tests of their own.
    assert {code for code in MEANINGS if f'"{code}"' not in source} == {"E_KEY", "E_PORTFOLIO", "E_REWOUND", "E_UNREADABLE"}
