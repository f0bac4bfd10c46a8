#!/bin/sh
# Selects a tenant through an app at APP_URL with one of the official SDKs: `python` or `node`.
# Called by the test `sdk` with APP_URL, PROJECT_ID and REFRESH_JWT; the SDKs are in SDK_ROOT and
# SDK_VENV, which run.sh sets.
set -eu
case $1 in
    python)
        exec "$SDK_VENV/bin/python" -c '
import os
from descope import DescopeClient

sdk = DescopeClient(os.environ["PROJECT_ID"], base_url=os.environ["APP_URL"])
answer = sdk.select_tenant("T2", os.environ["REFRESH_JWT"])
session = answer["sessionToken"]
assert session["dct"] == "T2" and session["drn"] == "DS", session
assert answer["refreshSessionToken"]["drn"] == "DSR", sorted(answer)
print("python: selected", session["dct"])
'
        ;;
    node)
        cd "$SDK_ROOT"
        exec node --input-type=module -e '
import descopeSdk from "@descope/node-sdk";

const { PROJECT_ID: projectId, APP_URL: baseUrl, REFRESH_JWT: refresh } = process.env;
const sdk = descopeSdk({ projectId, baseUrl });
const answer = await sdk.selectTenant("T2", refresh);
if (!answer.ok) throw new Error(JSON.stringify(answer));
const { token } = await sdk.validateSession(answer.data.sessionJwt);
if (token.dct !== "T2") throw new Error(JSON.stringify(token));
console.log("node: selected", token.dct);
'
        ;;
    *) echo "unknown SDK $1" >&2; exit 2 ;;
esac
