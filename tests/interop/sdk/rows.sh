#!/bin/sh
# Shows one of the official SDKs, `python` or `node`, the tokens that browsers were left with: ROWS
# is a JSON list of {row, url, project, session, refresh, tenant, sessionInBody}. Called by the
# test `sdk`, which says what must be seen; the SDKs are in SDK_ROOT and SDK_VENV, which run.sh
# sets.
set -eu
case $1 in
    python)
        exec "$SDK_VENV/bin/python" -c '
import json, os
from descope import DescopeClient

for row in json.loads(os.environ["ROWS"]):
    sdk = DescopeClient(row["project"], base_url=row["url"])
    session = sdk.validate_session(row["session"])
    assert session["sub"] == "U1" and session["dct"] == row["tenant"], (row["row"], session)
    me = sdk.me(row["refresh"])
    assert me["userId"] == "U1", (row["row"], me)
    active = sdk.my_tenants(row["refresh"], dct=True)["tenants"]
    assert [tenant["id"] for tenant in active] == [row["tenant"]], (row["row"], active)
    # What spends the token comes last. This SDK reads a session from the body only.
    if row["sessionInBody"]:
        answer = sdk.refresh_session(row["refresh"])
        assert answer["sessionToken"]["dct"] == row["tenant"], (row["row"], answer)
    print("python: agrees on", row["row"])
'
        ;;
    node)
        cd "$SDK_ROOT"
        exec node --input-type=module -e '
import assert from "node:assert/strict";
import descopeSdk from "@descope/node-sdk";

const logger = { log() {}, debug() {}, info() {}, warn() {}, error() {} };
for (const row of JSON.parse(process.env.ROWS)) {
  const sdk = descopeSdk({ projectId: row.project, baseUrl: row.url, logger });
  const { token } = await sdk.validateSession(row.session);
  assert.deepEqual([token.sub, token.dct], ["U1", row.tenant], row.row);
  const me = await sdk.me(row.refresh);
  assert.equal(me.data?.userId, "U1", row.row);
  const active = await sdk.myTenants(true, row.refresh);
  assert.deepEqual(active.data?.tenants.map((tenant) => tenant.id), [row.tenant], row.row);
  // What spends the token comes last.
  const refreshed = await sdk.refresh(row.refresh);
  assert.equal(refreshed.ok, true, row.row + JSON.stringify(refreshed.error));
  assert.equal(refreshed.data.claims.dct, row.tenant, row.row);
  console.log("node: agrees on", row.row);
}
'
        ;;
    *) echo "unknown SDK $1" >&2; exit 2 ;;
esac
