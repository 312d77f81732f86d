# The verbs of a workflow, by hand: schedule, claim, hand off, export.
set -e
WORK_ITEM=work-item-001-create-a-structured
SCHEDULE_FILE="artifacts/schedule/$WORK_ITEM.json"
planloom delegate --non-interactive --quiet --prompt "Generate schedule" --structured-work-item "$WORK_ITEM"
jq --arg work "$WORK_ITEM" -c '[.readySteps[] | {workItemId: $work, stepKey: .key, order: .order, parallelizable: .parallelizable}]' "$SCHEDULE_FILE"
planloom claim --work-item "$WORK_ITEM" --step phase-tests
planloom complete --work-item "$WORK_ITEM" --step phase-tests --attempt phase-tests-local --outcome "Tests authored" --next-action "Run services"
planloom export --stdout
