// The calls of two columns of the fake's table: the Node SDK's own, and those of the core that the
// browser SDK is made of, each made once and each with what it must bring.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

const TABLE = new URL('../../../src/test_util/calls.md', import.meta.url);
const CODE = '123456';
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
