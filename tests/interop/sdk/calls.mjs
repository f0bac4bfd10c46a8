// The calls of two columns of the fake's table: the Node SDK's own, and those of the core that the
// browser SDK is made of, each made once and each with what it must bring.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

const TABLE = new URL('../../../src/test_util/calls.md', import.meta.url);
const CODE = '123456';
const BACK = 'https://app.example.com/callback?state=a%26b';
let numbers = 1000;

// The names in the column with this title, once each.
function column(title) {
  const rows = readFileSync(TABLE, 'utf8').split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()));
  const index = cells[0].indexOf(title);
  assert.ok(index > 0, `no column ${title}`);
  const names = cells.slice(2).flatMap((row) => [...row[index].matchAll(/`([^`]+)`/g)]);
  return [...new Set(names.map(([, name]) => name))].sort();
}

function ok(answer) {
  assert.equal(answer.ok, true, JSON.stringify(answer.error));
  return answer.data;
}

// Chooses a person at the identity provider; the code with which the browser comes back.
async function comeBack({ url }, person) {
  const page = await fetch(url);
  const link = (await page.text()).match(new RegExp(`<a href="([^"]*)">[^<]* <small>${person}<`));
  assert.ok(link, `${person} is not on the page`);
  const target = new URL(link[1].replaceAll('&amp;', '&'), url);
  const chosen = await fetch(target, { redirect: 'manual' });
  assert.equal(chosen.status, 302);
  const location = new URL(chosen.headers.get('location'));
  assert.ok(location.href.startsWith(BACK), location.href);
  assert.equal(location.searchParams.get('state'), 'a&b');
  return location.searchParams.get('code');
}

// A sign-in by exchange, judged by the SDK itself where it can.
async function exchanged(sdk, exchange, method, code) {
  const { sessionJwt, refreshJwt } = ok(await exchange(code));
  if (sdk.validateSession) {
    const { token } = await sdk.validateSession(sessionJwt);
    assert.equal(token.sub, 'U2ann');
    assert.deepEqual(token.amr, [method]);
  }
  assert.equal(ok(await sdk.me(refreshJwt)).userId, 'U2ann');
  // A code works once.
  const again = await exchange(code);
  assert.deepEqual([again.ok, again.code], [false, 401]);
}

// Calls that both have, by the same names. `signIn` brings a new refresh token.
function shared(make, signIn) {
  const sdk = make();
  const someone = () => `calls-${randomUUID()}@new.test`;
  const phone = () => `+1202556${(numbers += 1)}`;
  return {
    async refresh() {
      ok(await sdk.refresh(await signIn()));
    },
    async selectTenant() {
      const data = ok(await sdk.selectTenant('T2acme', await signIn()));
      assert.ok(data.sessionJwt);
    },
    async logout() {
      ok(await sdk.logout(await signIn()));
    },
    async logoutAll() {
      ok(await sdk.logoutAll(await signIn()));
    },
    async me() {
      assert.equal(ok(await sdk.me(await signIn())).userId, 'U2ann');
    },
    async myTenants() {
      assert.equal(ok(await sdk.myTenants(['T2acme'], await signIn())).tenants.length, 1);
    },
    async history() {
      assert.ok(ok(await sdk.history(await signIn())).length > 0);
    },
    async 'oauth.start'() {
      const { url } = ok(await sdk.oauth.start('github', BACK));
      assert.match(url, /\/idp\/github\?/);
    },
    async 'oauth.start.google'() {
      const { url } = ok(await sdk.oauth.start.google(BACK, {}, undefined, 'ann@acme.test'));
      assert.equal((await fetch(url, { redirect: 'manual' })).status, 302);
    },
    async 'oauth.exchange'() {
      const code = await comeBack(ok(await sdk.oauth.start.google(BACK)), 'ann@acme.test');
      await exchanged(sdk, sdk.oauth.exchange, 'oauth', code);
    },
    ...Object.fromEntries(
      ['saml', 'sso'].flatMap((door) => [
        [`${door}.start`, async () => {
          const start = (force) =>
            sdk[door].start('ann@acme.test', BACK, {}, undefined, undefined, force, 'ann@acme.test');
          for (const [force, status] of [[false, 302], [true, 200]]) {
            const { url } = ok(await start(force));
            assert.equal((await fetch(url, { redirect: 'manual' })).status, status);
          }
        }],
        [`${door}.exchange`, async () => {
          const code = await comeBack(ok(await sdk[door].start('T2acme', BACK)), 'ann@acme.test');
          await exchanged(sdk, sdk[door].exchange, 'fed', code);
        }],
      ]),
    ),
    async 'otp.signUp'() {
      ok(await sdk.otp.signUp.email(someone(), { name: 'New' }));
      ok(await sdk.otp.signUp.sms(phone(), { name: 'New' }));
    },
    async 'otp.signIn'() {
      ok(await sdk.otp.signIn.email('ann@acme.test'));
      ok(await sdk.otp.signIn.sms('ann@acme.test'));
    },
    async 'otp.signUpOrIn'() {
      ok(await sdk.otp.signUpOrIn.email(someone()));
      ok(await sdk.otp.signUpOrIn.sms('ann@acme.test'));
    },
    async 'otp.verify'() {
      ok(await sdk.otp.signIn.email('ann@acme.test'));
      assert.ok(ok(await sdk.otp.verify.email('ann@acme.test', CODE)).refreshJwt);
      ok(await sdk.otp.signIn.sms('ann@acme.test'));
      assert.ok(ok(await sdk.otp.verify.sms('ann@acme.test', CODE)).refreshJwt);
    },
  };
}

// Makes each call of both columns; `check` reports each.
export async function everyCall(check, node, browser) {
  const signIn = async () => {
    const sdk = node();
    ok(await sdk.otp.signIn.email('ann@acme.test'));
    return ok(await sdk.otp.verify.email('ann@acme.test', CODE));
  };
  const refresh = async () => (await signIn()).refreshJwt;
  const columns = {
    Node: {
      ...shared(node, refresh),
      async validateSession() {
        assert.equal((await node().validateSession((await signIn()).sessionJwt)).token.sub, 'U2ann');
      },
      async refreshSession() {
        assert.equal((await node().refreshSession(await refresh())).token.sub, 'U2ann');
      },
      async validateAndRefreshSession() {
        const both = await node().validateAndRefreshSession('a.b.c', await refresh());
        assert.equal(both.token.sub, 'U2ann');
      },
      async exchangeAccessKey() {
        assert.equal((await node().exchangeAccessKey('AK-demo-1')).token.sub, 'K2demo');
      },
    },
    Browser: {
      ...shared(browser, refresh),
      async 'refresh(…, true)'() {
        assert.ok(ok(await browser().refresh(await refresh(), {}, undefined, true)).sessionExpiration);
      },
      async 'flow.start'() {
        const options = { location: BACK, deviceInfo: { webAuthnSupport: false } };
        const shown = ok(await browser().flow.start('sign-up-or-in', options));
        assert.deepEqual([shown.status, shown.action], ['waiting', 'screen']);
        assert.match(shown.executionId, /^sign-up-or-in\|#\|/);
      },
      async 'flow.next'() {
        const { flow } = browser();
        const input = { loginId: 'ann@acme.test' };
        const { executionId, stepId } = ok(
          await flow.start('sign-up-or-in', { location: BACK }, '', 'submit', '', {}, input),
        );
        const next = (code) => flow.next(executionId, stepId, 'submit', 1, '', { code });
        assert.equal(ok(await next('000000')).error.code, 'E061102');
        const { status, authInfo } = ok(await next(CODE));
        assert.deepEqual([status, authInfo.user.userId], ['completed', 'U2ann']);
        const over = await next(CODE);
        assert.deepEqual([over.code, over.error.errorCode], [400, 'E103205']);
      },
    },
  };
  for (const [title, calls] of Object.entries(columns)) {
    await check(`${title}: the table names the calls that are made here`, async () => {
      assert.deepEqual(Object.keys(calls).sort(), column(title));
    });
    for (const [name, call] of Object.entries(calls)) await check(`${title}: ${name}`, call);
  }

  await check('an option that the fake does not know is refused by name', async () => {
    const refused = async (options) => {
      const { ok, code, error } = await node().otp.signIn.email('ann@acme.test', options, await refresh());
      assert.deepEqual([ok, code, error.errorCode], [false, 400, 'E990400']);
      return error.errorDescription;
    };
    assert.match(await refused({ stepup: true }), /`loginOptions\.stepup`/);
    assert.match(await refused({ mfa: true }), /`loginOptions\.mfa`/);
    assert.match(await refused({ customClaims: { a: 1 } }), /`loginOptions\.customClaims`/);
  });
}
