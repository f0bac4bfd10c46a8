// Cookies that a sibling sub-domain plants, at a browser that is signed in and at one that is not.

import { check, equal } from "./lib.mjs";

const ALL = "Domain=app.test; Path=/";
const garbage = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";

// What each attack sets by `document.cookie`, and what becomes of Ann's requests: to a page behind
// the layer, and to the tenant switch. Bob is the attacker; his tokens are genuine.
const SIGNED_IN = (bob) => ({
  "a session that is no token": [[`DS=${garbage}; ${ALL}`], "200 U2ann", "200 U2ann"],
  "a refresh token that is none, before hers by path": [[`DSR=${garbage}; Domain=app.test; Path=/v1/auth`], "200 U2ann", "200 U2ann"],
  "his session": [[`DS=${bob.session}; ${ALL}; Secure`], "400 ambiguous_credentials", "400 ambiguous_credentials"],
  "his session, before hers by path": [[`DS=${bob.session}; Domain=app.test; Path=/access`], "400 ambiguous_credentials", "200 U2ann"],
  "his refresh token": [[`DSR=${bob.refresh}; ${ALL}`], "200 U2ann", "400 ambiguous_credentials"],
  "his refresh token, before hers by path": [[`DSR=${bob.refresh}; Domain=app.test; Path=/v1`], "200 U2ann", "400 ambiguous_credentials"],
  "both of his": [[`DS=${bob.session}; ${ALL}`, `DSR=${bob.refresh}; ${ALL}`], "400 ambiguous_credentials", "400 ambiguous_credentials"],
  "more than would be looked at, none of them a token of the project": [
    ["/", "/v1", "/v1/auth", "/v1/auth/tenant", "/v1/auth/tenant/select"].map((path, at) => `DSR=${garbage}${at}; Domain=app.test; Path=${path}`),
    "200 U2ann",
    "200 U2ann",
  ],
  "his session under names that only look like ours": [
    [`ds=${bob.session}; ${ALL}`, `%44S=${bob.session}; ${ALL}`, `DS%20=${bob.session}; ${ALL}`, `DS.0=${bob.session}; ${ALL}`, `=DS=${bob.session}; ${ALL}`, `DS="${bob.session}"; ${ALL}`, `DS=; ${ALL}`],
    "200 U2ann",
    "200 U2ann",
  ],
  "his session under a __Host- name": [
    [`__Host-DS=${bob.session}; ${ALL}; Secure`, `__HoSt-DS=${bob.session}; ${ALL}; Secure`, `=__Host-DS=${bob.session}; ${ALL}; Secure`, `__Secure-DS=${bob.session}; ${ALL}; Secure`],
    "200 U2ann",
    "200 U2ann",
  ],
});

export async function tossing(bed, world, prefix) {
  const bob = await bed.signIn("bob@beta.test", "T2beta");
  const prefixed = prefix !== "";
  for (const who of ["a sub-domain", "a sub-domain by http"]) {
    for (const [what, [cookies, access, select]] of Object.entries(SIGNED_IN(bob))) {
      const browser = await visitor(bed, world, prefix, true);
      const kept = await toss(browser, world.attackers[who], cookies);
      const posts = bed.upstream.posts.length;
      const seen = [await visits(browser), await switches(browser)];
      // Nobody but this host can set the names that then count; and by http nobody can set what
      // lies over a Secure cookie.
      const wanted = prefixed || !kept ? ["200 U2ann", "200 U2ann"] : [access, select];
      equal(`${who}: signed in: ${what} (${kept} kept)`, seen, wanted);
      equal(`… and of it only what succeeded went up`, bed.upstream.posts.length - posts, wanted[1].startsWith("200") ? 1 : 0);
    }
    // Signed out, a planted session is the only one there is. Names that others can set do not stop
    // that, which the documentation says.
    const both = [`DS=${bob.session}; ${ALL}`, `DSR=${bob.refresh}; ${ALL}`];
    const hosts = both.map((cookie) => `__Host-${cookie}; Secure`);
    for (const [what, cookies, wanted] of [
      ["garbage", [`DS=${garbage}; ${ALL}`, `DSR=${garbage}; ${ALL}`], ["401 missing_token", "401 missing_refresh_token"]],
      ["his session and refresh token", both, prefixed ? ["401 missing_token", "401 missing_refresh_token"] : ["200 U2bob", "200 U2bob"]],
      ["both under __Host- names", hosts, ["401 missing_token", "401 missing_refresh_token"]],
    ]) {
      const browser = await visitor(bed, world, prefix, false);
      const kept = await toss(browser, world.attackers[who], cookies);
      equal(`${who}: signed out: ${what} (${kept} kept)`, [await visits(browser), await switches(browser)], wanted);
    }
  }
  if (prefixed) await overflow(bed, world, bob);
}

// A sibling may push other cookies out of the jar, and then plant its own: that signs Ann out, but
// must not sign her in as Bob.
async function overflow(bed, world, bob) {
  const browser = await visitor(bed, world, "__Host-", true);
  const flood = Array.from({ length: 400 }, (_, at) => `flood${at}=1; ${ALL}; Secure`);
  await toss(browser, world.attackers["a sub-domain"], flood);
  await toss(browser, world.attackers["a sub-domain"], [`DS=${bob.session}; ${ALL}; Secure`, `DSR=${bob.refresh}; ${ALL}; Secure`]);
  const all = await browser.context.cookies(world.origin);
  const left = all.filter(({ name }) => name.startsWith("__Host-")).length;
  check("his cookies are in the flooded jar", all.filter(({ name }) => /^DSR?$/.test(name)).length === 2);
  const seen = [await visits(browser), await switches(browser)];
  const harmless = ["200 U2ann", "401 missing_token", "401 missing_refresh_token"];
  check(`a flooded jar (${left} of her 2 cookies left) signs out at worst`, seen.every((one) => harmless.includes(one)), seen.join());
}

async function visitor({ visitor, signIn }, { origin }, prefix, signedIn) {
  const { context, page } = await visitor();
  if (signedIn) {
    const tokens = await signIn("ann@acme.test", "T2acme");
    const cookie = { domain: "app.test", path: "/", secure: true, httpOnly: true, sameSite: "Lax" };
    await context.addCookies([
      { ...cookie, name: `${prefix}DS`, value: tokens.session },
      { ...cookie, name: `${prefix}DSR`, value: tokens.refresh },
    ]);
  }
  return { context, origin, page };
}

// Sets cookies from a page of the attacker, and tells how many more the app will get.
async function toss({ context, page, origin }, attacker, cookies) {
  const urls = [`${origin}/access`, `${origin}/v1/auth/tenant/select`];
  const before = (await context.cookies(urls)).length;
  await page.goto(`${attacker}/`);
  await page.evaluate((cookies) => {
    for (const cookie of cookies) document.cookie = cookie;
  }, cookies);
  return (await context.cookies(urls)).length - before;
}

// Who the app takes this browser for.
async function visits({ page, origin }) {
  await page.goto(`${origin}/-/blank`);
  return page.evaluate(async () => {
    const answer = await fetch("/access");
    const code = answer.headers.get("x-descope-rejection");
    return `${answer.status} ${code ?? /U2(?!nobody)[a-z]+/.exec(await answer.text())?.[0]}`;
  });
}

async function switches({ page, origin }) {
  await page.goto(`${origin}/-/blank`);
  return page.evaluate(async () => {
    const options = { method: "POST", headers: { "content-type": "application/json" }, body: '{"tenant":"T2beta"}' };
    const answer = await fetch("/v1/auth/tenant/select", options);
    const body = await answer.json();
    return `${answer.status} ${body.user?.userId ?? body.error}`;
  });
}
