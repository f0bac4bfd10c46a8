#!/bin/sh
# The demo, signing in, Descope's browser SDK and component, attacks from foreign pages, an application
# behind nginx, and a socket, in Chromium. Installs what is missing below target/interop (npm packages, from the registry) and, as
# root on Debian, Chromium. Binds to 127.0.0.1 only.
# Every check prints PASS or FAIL; the exit status is 0 only if all passed. Nothing is skipped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
work="$root/target/interop/browser"

fail() {
    echo "FAIL  $1" >&2
    exit 1
}

CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
export CHROMIUM
if [ ! -x "$CHROMIUM" ]; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        fail "no $CHROMIUM: install Chromium, or name yours in CHROMIUM"
    echo "Installing Chromium"
    (timeout 300 apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y -qq --no-install-recommends \
            chromium fonts-dejavu-core) >/dev/null || fail "Chromium could not be installed"
fi
for tool in node npm cargo openssl nginx python3; do
    command -v "$tool" >/dev/null || fail "no $tool"
done

mkdir -p "$work"
if ! cmp -s "$here/package-lock.json" "$work/installed.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$work/"
    (cd "$work" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --silent) ||
        fail "the npm packages could not be installed"
    cp "$here/package-lock.json" "$work/installed.json"
fi

# The scripts run the examples; built here, so that their deadlines do not count it.
(cd "$root" && timeout 1500 cargo build --quiet --example demo --example fake_descope \
    --example forward_auth --example page_sign_in --example select_tenant &&
    timeout 600 cargo build --quiet --example live --features ws) || fail "the examples do not build"

status=0
for script in demo sign_in flow frameworks page sdk attacks forward live; do
    echo
    echo "== $script"
    timeout 900 node "$here/$script.mjs" || status=1
done
echo
[ "$status" = 0 ] && echo "PASS  all of the browser checks" || echo "FAIL  some browser checks"
exit "$status"
