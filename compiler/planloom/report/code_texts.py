"""What each `E_…` code means for whoever reads it: what was found, why it matters, what to do.

The codes of a verification have their one line in `trust.audit.findings`; the others stand in errors only.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from planloom.trust.audit.findings import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Mapping


class CodeText(NamedTuple):
    """The page of a code: `title` one line without full stop, the other three a paragraph each."""

    title: str
    what: str
    why: str
    repair: str


_RESTORE: Final = "Restore the file from git or from a copy (`git log -- PATH` shows who changed it), then `planloom verify` again. Records are never edited."
_ASK: Final = "Find out who made the record: `planloom verify --format json` names its key. Revoke that key with `planloom keys revoke NAME --reason TEXT` when it was not its owner."


def _found(code: str, what: str, why: str, repair: str) -> tuple[str, CodeText]:
    """Return a code that a verification reports."""
    return code, CodeText(MEANINGS[code], what, why, repair)


_EVIDENCE: Final = (
    _found(
        "E_ARTIFACT",
        "A handoff names each output with its SHA-256. A file in the folder given to `--outputs`, or one that was fetched for the next step, has another one or is missing.",
        "What would be shipped or built on is not what the step made.",
        "Fetch the output again from where the handoff says it lies. When it has expired there: `planloom delegate --structured-work-item ITEM --retry STEP --take-back`.",
    ),
    _found(
        "E_ATTEMPT_TWICE",
        "A claim opens an attempt, and exactly one result ends it. Here a second result, or one without an open attempt, stands in the chain.",
        "Somebody with the right key signed a result beside the state machine; which of the two is true can't be told from the records.",
        _ASK,
    ),
    _found(
        "E_BASELINE",
        "A completion says whether it comes before or after the baseline; the plan says which steps are part of it (`baseline: true`).",
        "A step that counts as integrated must not run again without a signed revert.",
        _ASK,
    ),
    _found(
        "E_BUILDER",
        "The policy says in which workflows a key is expected (`builders`), and the record states another one.",
        "A key that signs elsewhere may have been copied out of its environment.",
        "When the workflow is right: `planloom keys trust NAME --role ROLE --builder PATTERN`. Otherwise `planloom keys revoke NAME --reason TEXT`.",
    ),
    _found(
        "E_CHAIN_FOREIGN",
        "The path of a record follows from what it says: work item, step, number. This one lies elsewhere.",
        "Moving a record makes it speak of something that it was not signed for.",
        _RESTORE,
    ),
    _found(
        "E_CHAIN_FORK",
        "Each record names the digest of the one before it. Here it names another one, or two records have the same number.",
        "History was rewritten, or two histories were mixed.",
        _RESTORE,
    ),
    _found(
        "E_CHAIN_GAP",
        "The numbers of a chain have a hole: later records are there, this one is not.",
        "What was removed may be a failure, a rejection or a revert.",
        _RESTORE,
    ),
    _found(
        "E_CHAIN_REPLAY",
        "The same signed record, or its nonce, lies in two places.",
        "A good result or approval of before was used again.",
        "Remove the copy, which is the one that the checkpoint does not list; then `planloom verify` again.",
    ),
    _found(
        "E_CHECKPOINT",
        "The checkpoint is not a signed note, its signature or root is wrong, or `leaves.txt` does not belong to it.",
        "Without it records that were cut off at the end of a chain are not missed.",
        "Restore both files from git. When the records are sound without them, `planloom export` signs a new checkpoint.",
    ),
    _found(
        "E_CLAIM",
        "A result names another claim than the open one, or is signed by another key or executor than the claim; or a claim was made while it could not be: already claimed, integrated, no attempts left.",
        "Only the holder of a claim may say how its attempt ended.",
        _ASK,
    ),
    _found(
        "E_DEPENDENCY",
        "A claim lists the handoffs that it builds on. They are not those of the steps that it needs, or they no longer counted at that time.",
        "The step worked with inputs that were never made, replaced or taken back.",
        "`planloom why ITEM STEP` shows what the step needs. When the record is honest but late: `planloom delegate --structured-work-item ITEM --retry STEP`.",
    ),
    _found(
        "E_ENVELOPE",
        "A record is a DSSE envelope written in exactly one way: these bytes are another form of JSON, have other fields, or none at all.",
        "A file that can be written in two ways can be changed without changing what was signed.",
        _RESTORE,
    ),
    _found(
        "E_FOREIGN",
        "Below claims, handoff, gates and reverts lie records and what they name, and nothing else. The same holds for the refs and the branch of a git ledger.",
        "A stranger among the records may be meant to be mistaken for one.",
        "Move the file away, or remove it in a commit of its own; then `planloom verify` again.",
    ),
    _found(
        "E_FORK",
        "The checkpoint lists another record at this path.",
        "The record was replaced after the checkpoint was signed.",
        _RESTORE,
    ),
    _found(
        "E_GATE",
        "A claim of a gated step names its approvals. One does not exist, does not count (other inputs, expired, withdrawn, its own claimant's), or there are too few.",
        "The step ran without the consent that its plan asks for.",
        _ASK,
    ),
    _found(
        "E_KEY",
        "A key file or public key can't be used: not Ed25519, damaged, readable by others, or encrypted without the passphrase at hand.",
        "A key that others can read may be in other hands.",
        "`chmod 600 .planloom/NAME.pem`, or set PLANLOOM_SIGNING_KEY_PASSPHRASE; `planloom keys rotate NAME` makes a new one, `planloom doctor` looks at all of them.",
    ),
    _found(
        "E_KEY_EXPIRED",
        "The policy says from when and until when a key is valid; the record states another time.",
        "A key out of its time may have been left behind somewhere.",
        "`planloom keys list` shows the times. When the record is from before them, the clock of the machine that signed it is most likely behind: `date -u` shows it; set it and try again. When it is from after them, `planloom keys rotate NAME` puts a new key in the old one's place.",
    ),
    _found(
        "E_KEY_REVOKED",
        "The key is revoked, and the record is not among those that the checkpoint had listed by then.",
        "Whoever has the revoked key can sign whatever they like, with any time in it.",
        "`planloom keys list` shows the reason. When the record is honest: `planloom export --with-revoked` lets the checkpoint list it, `planloom keys revoke NAME --at-size N --reason TEXT` with the size that it names makes it count. When it is not: as long as no checkpoint lists it, move it and what follows it in its chain out of `artifacts/`, or go on in another work item. `planloom keys revoke NAME --reason TEXT` lists the records that this is about.",
    ),
    _found(
        "E_NONCANONICAL",
        "The signed content is sound JSON, but with spaces, escapes or an order of keys that planloom never writes (RFC 8785).",
        "Programs that disagree about such a text could read different things in one signed record.",
        _ASK,
    ),
    _found(
        "E_PAYLOAD",
        "The signature may be right, but what is signed is no record: unknown type, missing or extra fields, values out of range.",
        "What can't be read can't be judged.",
        "Use the planloom that wrote it or a newer one; otherwise restore the file from git or from a copy.",
    ),
    _found(
        "E_PLAN",
        "A work item is bound to a plan by digest, and a copy lies beside its opening. The copy, the plan that a record names, or a compiled plan in `generated/` is another one.",
        "Steps, gates and commands would be read from a plan that nobody agreed to.",
        "Restore the copy from git. When the plan has moved on: `planloom compile`, then `planloom migrate ITEM`.",
    ),
    _found(
        "E_POLICY",
        "`specs/trust/policy.json` is missing, is not written as `planloom keys` writes it, or its versions do not follow from one another.",
        "The policy says who may sign what: without it no record can be believed.",
        "Take the last good version of `specs/trust/` from git; `planloom keys list` shows what it says. `planloom init` lays one down where there is none.",
    ),
    _found(
        "E_PORTFOLIO",
        "`artifacts/exports/portfolio.json` is derived from the records that the checkpoint covers. Worked out again it is another one, or the file is not written as `planloom export` writes it.",
        "Pages and programs that read the portfolio are told of steps, outputs or results that nobody signed. The records themselves are not touched by it.",
        "`planloom export` writes it anew from the records; `git log -- artifacts/exports/portfolio.json` shows who changed it.",
    ),
    _found(
        "E_RESOURCE",
        "Claims take shared resources and give them back in the chain of the resource. More is held than its capacity, or by somebody whose claim does not say so.",
        "Two steps used at once what only one may use.",
        _ASK,
    ),
    _found(
        "E_ROLE",
        "The policy's table says which role may sign which event, and the key has none of these.",
        "An executor that approves, or an approver that completes, undoes the separation of duties.",
        "When the key should be able to: `planloom keys trust NAME --role ROLE`, signed by a root key. `planloom keys list` shows who may what.",
    ),
    _found(
        "E_ROLLBACK",
        "You named a newer checkpoint (`--since`) or policy version (`--policy-version`) than the one that lies here.",
        "An old state, from before a revocation or a failure, was put back.",
        "Fetch again; when it stays, ask whoever serves the repository, and keep your copy as the proof.",
    ),
    _found(
        "E_ROOT",
        "A version of the policy lacks signatures of the root keys of the version before, or the trust root is not the one given by `--root-key`.",
        "Whoever changes the policy without the root's consent decides who is believed.",
        "Compare the trust root with the one that its owner tells you: `planloom keys list` on their machine prints it. Never take it from the place that you check.",
    ),
    _found(
        "E_SIGNATURE",
        "The Ed25519 signature of the file does not fit its content, or no key of the policy made it.",
        "The content was changed after signing, or was signed by a stranger.",
        f"{_RESTORE} A new key is taken into the policy by `planloom keys trust NAME FILE --role ROLE`.",
    ),
    _found(
        "E_SPLIT_VIEW",
        "Both checkpoints are signed, and the newer one does not contain the older one that you gave.",
        "Different histories were shown to different people.",
        "Keep both files: together they are the proof. Ask others for their copies, and find out who has the log's key.",
    ),
    _found(
        "E_STATE",
        "Each event has states in which it is allowed. This one came in another: after the end of a work item, for a step that was not integrated, twice, or in the chain of something else.",
        "The command line refuses such an event, so something else signed it.",
        _ASK,
    ),
    _found(
        "E_SUBJECT",
        "Two outputs of a handoff have the same name, or names that a disk which ignores case or ways of writing a letter takes for the same.",
        "Restoring one would write over the other.",
        "Restore nothing from this handoff. Name the files in the step's `outputs` differently, then run the step again.",
    ),
    _found(
        "E_SUBJECT_PATH",
        "An output's name is absolute, has `..` in it, or is no file's name on every disk.",
        "Restoring it would write outside the workspace.",
        "Restore nothing from this handoff. Name the files in the step's `outputs` differently, then run the step again.",
    ),
    _found(
        "E_TIME",
        "A record states a time before that of the record it follows, or a step ends before it starts.",
        "Times are stated, not proven; where they contradict each other one of them is wrong.",
        "Look at the clock of the machine that the record names. The order of a chain is proven by its digests all the same.",
    ),
    _found(
        "E_TRUNCATED",
        "The checkpoint lists a record that is not here any more.",
        "Removing the end of a chain leaves no hole: only the checkpoint shows it.",
        _RESTORE,
    ),
    _found(
        "E_TYPE",
        "A key of the policy signed this, but as a statement of another type than a record: a version of the policy, or what another program signs.",
        "What somebody signed for one purpose would count for another.",
        _ASK,
    ),
    _found(
        "E_UNREADABLE",
        "Git can't read an object to which this ref leads: the clone lacks it, or the disk damaged it. Who wrote the ref is not known from that.",
        "What the ref holds beyond its copies can't be checked.",
        "Clone again: `git clone --mirror`, without `--filter`; where that does not help, the remote itself has lost it: restore it from a copy.",
    ),
    _found(
        "E_WORK_ITEM",
        "The record's work item is not the one whose chain it lies in.",
        "A result or approval of one passage of the plan would count for another.",
        _RESTORE,
    ),
)

_COMMANDS: Final = (
    (
        "E_BUNDLE",
        CodeText(
            "the file is not a bundle of evidence",
            "A bundle is what `planloom export --bundle` writes: one line of JSON a file, with a first line that says so. This one breaks off or holds something else.",
            "Half a history can't be verified.",
            "Ask for it again, or write it again: `planloom export --bundle FILE`.",
        ),
    ),
    (
        "E_PROOF",
        CodeText(
            "the proof does not show what it should",
            "A proof shows that one record is in a signed checkpoint. This one is damaged, or of another record or checkpoint.",
            "Without it the record may be one that was never published.",
            "`planloom export --proof RECORD` writes one for the record as it is now.",
        ),
    ),
    (
        "E_NO_KEY",
        CodeText(
            "there is no key to sign with",
            "The key was looked for in PLANLOOM_SIGNING_KEY, PLANLOOM_SIGNING_KEY_FILE, `.planloom/` and your configuration directory.",
            "Every record is signed: without a key nothing can be recorded.",
            "`planloom keys new NAME` makes one and `planloom keys trust NAME --role ROLE` takes it into the policy; in a workflow `planloom init --github` stores it as a secret.",
        ),
    ),
    (
        "E_REWOUND",
        CodeText(
            "a ref of the ledger was moved back",
            "The ledger branch holds a copy of a record that is no longer in the chain's ref on the remote, or in a mirror of it.",
            "Somebody with the right to push removed records from an open work item.",
            "Restore the ref from the ledger branch, find out who pushed, then `planloom verify`.",
        ),
    ),
    (
        "E_GIT_WRITE",
        CodeText(
            "the remote does not let this token write",
            "git reached the remote and signed in, and the remote refused the push.",
            "A claim is a push: without the right to write no step can be claimed.",
            "Give the token `contents: write`, see that no branch rule covers `refs/planloom/`, and collect on a branch that takes pushes (`ledger-branch`); `planloom doctor --github` checks all three.",
        ),
    ),
    (
        "E_GIT_LOGIN",
        CodeText(
            "the remote did not let us sign in",
            "git could not prove to the remote who we are.",
            "Without it the ledger can be neither read nor written.",
            "In a workflow pass GITHUB_TOKEN; at a prompt see that `git ls-remote` works for this remote.",
        ),
    ),
    (
        "E_GIT_MISSING",
        CodeText(
            "the remote is not there",
            "The address of the remote leads nowhere, or to a repository that this token may not see.",
            "The ledger of these work items lies there.",
            "`git remote -v` shows where it points; `--ledger git:REMOTE` names another one.",
        ),
    ),
    (
        "E_GIT_LOCAL",
        CodeText(
            "git can't work on this machine",
            "git failed before it reached the remote: no space, no rights, too old, or a damaged private copy.",
            "Nothing was sent, and nothing is half done.",
            "Make room and use git 2.31 or newer; `planloom doctor --fix` makes the private copy anew.",
        ),
    ),
    (
        "E_GIT_ATOMIC",
        CodeText(
            "the remote can't move several refs at once",
            "The server refused `git push --atomic`.",
            "A claim and the resources that it takes must be written together or not at all.",
            "Use a server that runs git 2.4 or newer, or `--ledger files` on one machine.",
        ),
    ),
    (
        "E_GIT_BUSY",
        CodeText(
            "the remote could not be used in the time there was",
            "Every try failed, or its answer never came.",
            "A push that was cut off may have landed; the next command reads and finds out.",
            "Repeat the command later; nothing is half done.",
        ),
    ),
    (
        "E_GITHUB_LOGIN",
        CodeText(
            "GitHub does not know who asks",
            "There is no token, or GitHub does not take it.",
            "Setting up and checking a repository needs its API.",
            "`gh auth login`, or set GH_TOKEN to a token that is still valid.",
        ),
    ),
    (
        "E_GITHUB_RIGHTS",
        CodeText(
            "the token may not do this on GitHub",
            "GitHub knows the token, and its owner has too few rights here.",
            "Environments, secrets and branch rules are an administrator's.",
            "Use a token of somebody with admin rights and the `repo` scope.",
        ),
    ),
    (
        "E_GITHUB_PLAN",
        CodeText(
            "GitHub's offer for this repository has no environments",
            "Private repositories have environments only in paid offers of GitHub.",
            "Without one the signing key would be a secret of the whole repository, which every workflow can read.",
            "Make the repository public or take a paid offer; or run `planloom init --github` without `--yes` and accept the risk.",
        ),
    ),
    (
        "E_GITHUB_LIMIT",
        CodeText(
            "GitHub's limit of requests is used up",
            "GitHub counts requests by token and hour.",
            "Nothing was lost: what was asked was not done.",
            "Wait until the limit is reset, then repeat the command.",
        ),
    ),
    (
        "E_GITHUB_ANSWER",
        CodeText(
            "the answer is not one of GitHub's",
            "Where GitHub's API should be, something says that all is well in a form that the API never uses.",
            "Nothing is known of what was asked; a proxy or a page to sign in at may have answered.",
            "Open the address in a browser; set GITHUB_API_URL when the API lies elsewhere.",
        ),
    ),
    (
        "E_GITHUB_DOWN",
        CodeText(
            "GitHub has trouble of its own",
            "GitHub answered with an error of its own (5xx).",
            "Nothing was lost: what was asked was not done.",
            "Repeat the command later; https://www.githubstatus.com says what is known.",
        ),
    ),
)

CODE_TEXTS: Final[Mapping[str, CodeText]] = MappingProxyType(dict(sorted((*_EVIDENCE, *_COMMANDS))))
"""Every code by name, sorted."""
