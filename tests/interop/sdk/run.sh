#!/bin/sh
# Runs the official Python and Node SDKs, unmodified, against the fake: every response mode, with
# and without rotation. Needs cargo, python3 with venv, node with npm, and both package registries
# (once). Everything it makes goes to target/interop: the environments, the logs, tokens.json and
# the SDKs' verdicts on those tokens.
#
#   tests/interop/sdk/run.sh
#
# Each check prints PASS or FAIL; the exit code is 0 only if every check of every run passed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=${CARGO_TARGET_DIR:-$root/target}/interop
mkdir -p "$work/node"

echo "== environments in $work"
if ! cmp -s "$here/requirements.txt" "$work/requirements.txt"; then
    python3 -m venv --clear "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/requirements.txt"
fi
if ! cmp -s "$here/package-lock.json" "$work/node/.installed"; then
    cp "$here/package.json" "$here/package-lock.json" "$work/node/"
    (cd "$work/node" && npm ci --silent --no-audit --no-fund)
    cp "$here/package-lock.json" "$work/node/.installed"
fi

echo "== the fake"
(cd "$root" && cargo build --quiet --example fake_descope)
fake=${CARGO_TARGET_DIR:-$root/target}/debug/examples/fake_descope

fake_pid=
trap 'test -z "$fake_pid" || kill "$fake_pid" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

failed=0
runs=0

# run LABEL MODE ROTATION FLAGS…
run() {
    label=$1 mode=$2 rotation=$3
    shift 3
    log=$work/fake-$label.log
    rm -f "$log"
    "$fake" --listen 127.0.0.1:0 "$@" >"$log" 2>&1 &
    fake_pid=$!
    tries=0
    until grep -q 'Ctrl-C ends it' "$log" 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$fake_pid" 2>/dev/null; then
            echo "FAIL $label: the fake did not start"
            cat "$log"
            exit 1
        fi
        sleep 0.1
    done
    FAKE_URL=$(sed -n 's/^FakeDescope listens at //p' "$log")
    PROJECT_ID=$(sed -n 's/^project id: //p' "$log")
    export FAKE_URL PROJECT_ID MODE="$mode" ROTATION="$rotation" LABEL="$label" SDK_ROOT="$work/node"

    runs=$((runs + 2))
    VERDICTS=$work/verdicts-python.json "$work/venv/bin/python" "$here/python_sdk.py" \
        || failed=$((failed + 1))
    VERDICTS=$work/verdicts-node.json node "$here/node_sdk.mjs" || failed=$((failed + 1))

    kill "$fake_pid" 2>/dev/null || true
    wait "$fake_pid" 2>/dev/null || true
    fake_pid=
}

for rotation in on off; do
    case $rotation in
        on) flag= ;;
        off) flag=--no-rotation ;;
    esac
    for mode in body session-cookie refresh-cookie cookies; do
        case $mode in
            # $flag is one word or none.
            # shellcheck disable=SC2086
            body) run "$mode-rotation-$rotation" "$mode" "$rotation" $flag ;;
            # shellcheck disable=SC2086
            *) run "$mode-rotation-$rotation" "$mode" "$rotation" "--$mode" --accept-bearer $flag ;;
        esac
    done
done

TOKENS=$work/tokens.json
export TOKENS
run tokens body on --print-tokens "$TOKENS"

echo "== the SDKs beside our verifier, and through an app of ours"
runs=$((runs + 1))
(cd "$root" && SDK_VERDICTS="$work" SDK_SELECT="$here/select.sh" SDK_ROWS="$here/rows.sh" \
    SDK_ROOT="$work/node" SDK_VENV="$work/venv" cargo test --test it oracles::sdk:: -- --nocapture) || failed=$((failed + 1))

if [ "$failed" -gt 0 ]; then
    echo "FAIL: $failed of $runs runs"
    exit 1
fi
echo "PASS: $runs runs"
