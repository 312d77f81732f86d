#!/usr/bin/env bash
# Leaves what actions/checkout leaves: a shallow clone, on the branch that was asked for or detached at a commit.
set -euo pipefail
url=$GITHUB_SERVER_URL/$CHECKOUT_REPOSITORY
header="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$CHECKOUT_TOKEN" | base64 -w0)"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$GITHUB_SERVER_URL/.extraheader" GIT_CONFIG_VALUE_0=$header

depth=()
[[ $CHECKOUT_DEPTH == 0 ]] || depth=(--depth "$CHECKOUT_DEPTH")
wanted=${CHECKOUT_REF:-$GITHUB_SHA}

mkdir -p "$CHECKOUT_PATH"
cd "$CHECKOUT_PATH"
git init -q .
git remote add origin "$url"
if [[ $wanted =~ ^[0-9a-f]{40}$ ]]; then
  git fetch -q --no-tags "${depth[@]}" origin "$wanted"
else
  git fetch -q --no-tags "${depth[@]}" origin "+refs/heads/${wanted#refs/heads/}:refs/remotes/origin/${wanted#refs/heads/}"
fi
if [[ -n $CHECKOUT_REF && $CHECKOUT_REF =~ ^[0-9a-f]{40}$ ]]; then
  git checkout -q --detach FETCH_HEAD
else
  branch=${CHECKOUT_REF:-$GITHUB_REF_NAME}
  git checkout -q -B "${branch#refs/heads/}" FETCH_HEAD
fi
if [[ $CHECKOUT_PERSIST == true ]]; then
  git config "http.$GITHUB_SERVER_URL/.extraheader" "$header"
fi
