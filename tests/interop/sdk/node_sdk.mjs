// The official Node SDK, unmodified, against a running fake: contract 10.2 and 10.3.
//
// Environment: FAKE_URL, PROJECT_ID, MODE (body | session-cookie | refresh-cookie | cookies),
// ROTATION (on | off), LABEL; TOKENS and VERDICTS, both files, for the verdicts on the token list.
// SDK_ROOT is the folder whose node_modules holds the SDK.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { everyCall } from './calls.mjs';

const { FAKE_URL, PROJECT_ID, MODE, LABEL, TOKENS, VERDICTS, SDK_ROOT } = process.env;
const ROTATION = process.env.ROTATION === 'on';
const require = createRequire(join(SDK_ROOT, 'package.json'));
const load = (name) => require(name).default ?? require(name);
const descopeSdk = load('@descope/node-sdk');
const coreSdk = load('@descope/core-js-sdk');

const SESSION_IN_BODY = MODE === 'body' || MODE === 'refresh-cookie';
const REFRESH_IN_BODY = MODE === 'body' || MODE === 'session-cookie';
// With a refresh token in the body this SDK does not look at cookies, and so finds no session.
const SESSION_LOST = MODE === 'session-cookie' && ROTATION;
const CODE = '123456';

let failures = 0;

async function check(name, act) {
  try {
    await act();
    console.log(`PASS node ${LABEL}: ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL node ${LABEL}: ${name}\n${error.stack}`);
  }
}

const client = () =>
  descopeSdk({
    projectId: PROJECT_ID,
    baseUrl: FAKE_URL,
    logger: { log() {}, debug() {}, info() {}, warn() {}, error() {} },
  });

function claimsOf(jwt) {
  return JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
}

function refused(answer, status, code) {
  assert.equal(answer.ok, false);
  assert.equal(answer.code, status);
  assert.equal(answer.error.errorCode, code);
  assert.ok(answer.error.errorDescription && answer.error.errorMessage);
}

function ok(answer) {
  assert.equal(answer.ok, true, JSON.stringify(answer.error));
  return answer.data;
}

// The new tokens; what this SDK's own `refreshSession` cannot find, it cannot check.
async function refreshSession(sdk, refresh) {
  if (!SESSION_LOST) return sdk.refreshSession(refresh);
  const { refreshJwt, claims } = ok(await sdk.refresh(refresh));
  return { refreshJwt, token: claims };
}

async function signIn(loginId = 'ann@acme.test') {
  const sdk = client();
  ok(await sdk.otp.signIn.email(loginId));
  const data = ok(await sdk.otp.verify.email(loginId, CODE));
  return { sdk, data, refresh: data.refreshJwt };
}

await check('sign-up by one-time code', async () => {
  const sdk = client();
  const loginId = `node-${randomUUID()}@new.test`;
  ok(await sdk.otp.signUp.email(loginId, { name: 'New' }));
  refused(await sdk.otp.verify.email(loginId, '000000'), 401, 'E061102');
  const data = ok(await sdk.otp.verify.email(loginId, CODE));
  assert.equal(data.firstSeen, true);
  assert.equal(data.user.name, 'New');
  refused(await sdk.otp.signUp.email(loginId, { name: 'New' }), 400, 'E062107');
  ok(await sdk.otp.signUpOrIn.email(loginId));
});

await check('sign-in of an unknown user', async () => {
  refused(await client().otp.signIn.email('nobody@nowhere.test'), 400, 'E062108');
});

await check('validate', async () => {
  const { sdk, data, refresh } = await signIn();
  assert.equal(data.sessionJwt === '', !SESSION_IN_BODY);
  if (SESSION_IN_BODY) {
    const info = await sdk.validateSession(data.sessionJwt);
    assert.equal(info.token.sub, 'U2ann');
    assert.equal(sdk.validateTenantRoles(info, 'T2acme', ['owner']), true);
    assert.equal(sdk.validateTenantPermissions(info, 'T2acme', ['invoice.write']), true);
    assert.equal(sdk.validateTenantRoles(info, 'T2beta', ['owner']), false);
    assert.equal(sdk.validateRoles(info, ['staff']), true);
    const again = await sdk.validateAndRefreshSession(data.sessionJwt, refresh);
    assert.equal(again.token.sub, 'U2ann');
  }
  await assert.rejects(sdk.validateSession('a.b.c'));
});

await check('select, refresh, the selection survives', async () => {
  const { sdk, refresh: first } = await signIn();
  const data = ok(await sdk.selectTenant('T2acme', first));
  assert.equal(data.sessionJwt === '', !SESSION_IN_BODY);
  if (SESSION_IN_BODY) assert.equal(claimsOf(data.sessionJwt).dct, 'T2acme');
  let newest = first;
  if (ROTATION) {
    newest = data.refreshJwt;
    assert.notEqual(newest, first);
    assert.equal(claimsOf(newest).dct, 'T2acme');
    assert.equal(data.cookies.length, 1);
    if (MODE === 'body') {
      assert.match(data.cookies[0], /^DSR=.*; Domain=; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/);
    }
  } else if (REFRESH_IN_BODY) {
    assert.ok(!data.refreshJwt);
  }
  const refreshed = await refreshSession(sdk, newest);
  assert.equal(refreshed.token.dct, 'T2acme');
  assert.equal(refreshed.token.sub, 'U2ann');
  if (ROTATION) assert.notEqual(refreshed.refreshJwt, newest);
  else assert.ok(!refreshed.refreshJwt);
  const kept = refreshed.refreshJwt || newest;
  if (SESSION_LOST) {
    await assert.rejects(sdk.validateAndRefreshSession('a.b.c', kept));
  } else {
    const both = await sdk.validateAndRefreshSession('a.b.c', kept);
    assert.equal(both.token.dct, 'T2acme');
  }
});

await check('select refused', async () => {
  const { sdk, refresh } = await signIn();
  refused(await sdk.selectTenant('T2none', refresh), 403, 'E990403');
  refused(await sdk.selectTenant('', refresh), 400, 'E011002');
  refused(await sdk.selectTenant('T2acme', undefined), 401, 'E061005');
  ok(await sdk.selectTenant('T2beta', refresh));
});

await check('a reused refresh token', async () => {
  const { sdk, refresh: first } = await signIn();
  const newest = (await refreshSession(sdk, first)).refreshJwt;
  if (ROTATION) {
    refused(await sdk.refresh(first), 400, 'E064006');
    refused(await sdk.refresh(newest), 400, 'E064006');
  } else {
    ok(await sdk.refresh(first));
  }
});

await check('me, my tenants, history', async () => {
  const { sdk, refresh } = await signIn();
  const me = ok(await sdk.me(refresh));
  assert.equal(me.userId, 'U2ann');
  assert.equal(me.email, 'ann@acme.test');
  assert.deepEqual(ok(await sdk.myTenants(true, refresh)), { tenants: [] });
  const chosen = ok(await sdk.myTenants(['T2acme', 'T2none'], refresh)).tenants;
  assert.deepEqual(chosen.map((t) => [t.id, t.name]), [['T2acme', 'Acme']]);
  const selected = ok(await sdk.selectTenant('T2beta', refresh));
  const newest = ROTATION ? selected.refreshJwt : refresh;
  const active = ok(await sdk.myTenants(true, newest)).tenants;
  assert.deepEqual(active.map((t) => t.id), ['T2beta']);
  const history = ok(await sdk.history(newest));
  assert.equal(history[0].selectedTenant, 'T2beta');
});

await check('logout, logout everywhere', async () => {
  const { sdk, refresh } = await signIn();
  const other = await signIn();
  ok(await sdk.logout(refresh));
  refused(await sdk.refresh(refresh), 401, 'E064001');
  const kept = (await refreshSession(other.sdk, other.refresh)).refreshJwt || other.refresh;
  ok(await other.sdk.logoutAll(kept));
  refused(await other.sdk.refresh(kept), 401, 'E064001');
});

await check('try-refresh (core-js)', async () => {
  const { refresh } = await signIn();
  const core = coreSdk({ projectId: PROJECT_ID, baseUrl: FAKE_URL });
  const data = ok(await core.refresh(refresh, {}, undefined, true));
  assert.ok(data.sessionExpiration > 0);
  assert.deepEqual(ok(await core.refresh('a.b.c', {}, undefined, true)), {});
  refused(await core.refresh('a.b.c', {}), 401, 'E061005');
});

await check('access key', async () => {
  const sdk = client();
  const plain = await sdk.exchangeAccessKey('AK-demo-1');
  assert.equal(plain.token.sub, 'K2demo');
  const options = { customClaims: { k: 1 }, selectedTenant: 'T2acme' };
  const chosen = await sdk.exchangeAccessKey('AK-demo-1', options);
  assert.equal(chosen.token.dct, 'T2acme');
  assert.deepEqual(chosen.token.nsec, { k: 1 });
  await assert.rejects(sdk.exchangeAccessKey('AK-wrong'));
  await assert.rejects(sdk.exchangeAccessKey('AK-demo-1', { selectedTenant: 'T2beta' }));
});

if (TOKENS) {
  await everyCall(check, client, () => coreSdk({ projectId: PROJECT_ID, baseUrl: FAKE_URL }));
  const tokens = JSON.parse(readFileSync(TOKENS, 'utf8'));
  await check(`verdicts on ${tokens.length} tokens`, async () => {
    const sdk = client();
    const found = {};
    for (const { name, token } of tokens) {
      try {
        await sdk.validateSession(token);
        found[name] = { accepts: true, why: '' };
      } catch (error) {
        found[name] = { accepts: false, why: String(error) };
      }
    }
    writeFileSync(VERDICTS, JSON.stringify(found, null, 2));
    for (const { name, expect_sdk_note: note } of tokens) {
      const { accepts } = found[name];
      assert.equal(accepts, /all accept|Node accepts/.test(note), name);
    }
  });
}

process.exit(failures ? 1 : 0);
