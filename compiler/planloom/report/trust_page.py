"""The page about trust: a team's policy, who may sign what, what verifying checks, what each code means. Tables come from the code."""

from __future__ import annotations

from typing import Final

from planloom.report.code_pages import anchor
from planloom.trust import keyfiles, verify
from planloom.trust.audit.findings import MEANINGS
from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH
from planloom.trust.policy import CI_ROLES, DEFAULT_EVENTS, YOUR_ROLES
from planloom.trust.policyfiles import HISTORY_FOLDER, POLICY_PATH, PREDICATE_TYPE

_TEAM: Final = """\
## A team's policy in five minutes

`planloom init` makes two keys. `you` may act as {you}; `ci` may act as {ci}. For a team, give each person a key of their own:

```console
$ planloom keys new ann                     # on Ann's machine: .planloom/ann.pem stays there, the printed line is public
$ planloom keys trust ann PUBLIC --role approver        # on yours: signed with your root key
$ git add specs/trust && git commit -m "Ann approves"   # reviewed like code
```

Ann signs with `PLANLOOM_SIGNING_KEY_FILE=.planloom/ann.pem planloom approve …`, or keeps her key as `you.pem`. Two approvals for a step: `gate: {{role: approver, approvals: 2}}`
in the plan. A threshold counts distinct keys, and the key that claims a step can't approve it.

| When | Command |
| --- | --- |
| somebody leaves | `planloom keys revoke ann --reason "left"`: what the checkpoint covers still counts, nothing later does |
| a key may be known to others | the same, with `--at-size` at the last checkpoint that you trust |
| a key is old | `planloom keys rotate ci`: the new key takes its place, the old one's records still verify |
| somebody's part changes | `planloom keys trust ann --role auditor`: what she signed as approver before still counts, as the checkpoint shows it |
| more must agree | `planloom keys rules --threshold approver=2`; `--threshold root=2` for changes of the policy: one root proposes, another adds `planloom keys sign` |
| you work alone | `planloom keys rules --allow-self-approval`: whoever claims may approve; `verify` says where it was done |
| the CI key belongs to one workflow | `planloom keys trust ci --role executor --role log --builder "https://github.com/OWNER/REPO/.github/workflows/*@refs/heads/main"` |
| others should check you | tell them the trust root that `planloom keys list` prints; they run `planloom verify --root-key sha256:…` |
"""

_KEYS: Final = """\
## Keys

Ed25519 only, as PKCS8 PEM (mode 0600, or encrypted) or OpenSSH private key. Looked for in this order: the variable `{variable}` (PEM, or
base64 of PEM), the file that `{file}` names, `{folder}/<name>.pem` in the project, `planloom/<name>.pem` in your configuration directory; a passphrase comes
from `{passphrase}`. Claims, results and checkpoints are signed by `ci`; approvals, reverts and policy changes by `you`.

A step's command is given none of these variables. What it could reach besides depends on where it runs: isolated execution has no key on its machine; in direct execution the job that runs it
signs too; and under `planloom run` it runs as you and can read every file that you can, `{folder}/you.pem` among them. Run plans that you trust there,
protect key files by a passphrase, and keep the root key on another machine.
"""

_FILES: Final = """\
## Files

| File | Form |
| --- | --- |
| a record | a DSSE 1.0.2 envelope (`application/vnd.in-toto+json`) over an in-toto Statement v1 in RFC 8785 JSON; one Ed25519 signature a file; written in one way only |
| `{policy}` | plain JSON; older versions in `{history}/`; each signed in `….<key id>.sig.json`, an envelope over a statement of type `{predicate}` |
| `{checkpoint}` | a C2SP checkpoint: signed note of origin, number of leaves, RFC 6962 root |
| `{leaves}` | one line a leaf: index, leaf hash (of the record file's bytes), path |
| `planloom export --proof` | a C2SP tlog-proof for one record; `planloom verify RECORD --proof FILE --root-key …` |
| `planloom export --bundle` | everything in one file, one line of JSON a file; `planloom verify FILE` |

Without planloom, a record is checked by any program for DSSE, or by hand:

```sh
payload=$(jq -r .payload record.json)
printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(printf %s "$payload" | base64 -d | wc -c | tr -d ' ')" > signed
printf %s "$payload" | base64 -d >> signed
jq -r '.signatures[0].sig' record.json | base64 -d > signature
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature
```
"""

_LIMITS: Final = """\
## What verifying does not show

- That a runner told the truth: exit codes, times, actors and run ids are stated by whoever signed, and the JSON form lists them under `stated`.
- Records that were cut off after the newest checkpoint, and everything when the checkpoint is taken away with them: keep a copy and give it to `--since`.
- An older, validly signed policy put back: give the version you know to `--policy-version`.
- That a record is as old as it says: whether a key was valid is judged by the time that the record states. Rotate a key that nobody else had; revoke one that
  others may have, because a revocation goes by the checkpoint and can't be dated around.
- What a thief of a key signed before the key was revoked, except by the checkpoint size that you name.
"""


def build_page() -> str:
    """Return the page, Markdown with a final newline."""
    parts = [
        "# Trust and verification\n",
        _TEAM.format(you=", ".join(YOUR_ROLES), ci=", ".join(CI_ROLES)),
        "## Who may sign what\n\nThe table `events` of the policy; these are the values of a new project.\n",
        _table(
            ("Event", "Roles, any of which is enough"),
            [(f"`{event}`", ", ".join(roles)) for event, roles in sorted(DEFAULT_EVENTS.items())],
        ),
        _KEYS.format(
            variable=keyfiles.VARIABLE,
            file=keyfiles.VARIABLE_FILE,
            folder=keyfiles.KEY_FOLDER,
            passphrase=keyfiles.VARIABLE_PASSPHRASE,
        ),
        _FILES.format(
            policy=POLICY_PATH, history=HISTORY_FOLDER, predicate=PREDICATE_TYPE, checkpoint=CHECKPOINT_PATH, leaves=LEAVES_PATH
        ),
        "## What verifying checks\n\nIn this order; the same numbers stand in the code.\n",
        _steps(),
        _LIMITS,
        "## Codes\n",
        _table(("Code", "Meaning"), [(f"[`{code}`]({anchor(code)})", meaning) for code, meaning in sorted(MEANINGS.items())]),
        "[All pages](README.md)\n",
    ]
    return "\n".join(parts)


def _steps() -> str:
    """Return the numbered steps of the verifier's own description as a Markdown list."""
    steps: list[str] = []
    for line in (verify.__doc__ or "").splitlines():
        number, dot, text = line.partition(".")
        if dot and number.isdigit():
            steps.append(f"{number}. {text.strip()}")
        elif steps and line.startswith("    "):
            steps[-1] += f" {line.strip()}"
        elif steps and not line.strip():
            break
    return "\n".join(steps) + "\n"


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |", *(f"| {left} | {right} |" for left, right in rows)]
    return "\n".join(lines) + "\n"
