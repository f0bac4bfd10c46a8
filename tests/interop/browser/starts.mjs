// What begins no attempt: frames, images, prefetches, and forms of another site.

import { attempts, check, cookies, equal, follow, who } from "./sign_in.mjs";
import { ELSEWHERE } from "./sites.mjs";

const STARTS = ["/auth/oauth/google", "/auth/sso?tenant=T2acme"];

// Parts of a page that ask for a URL by themselves.
const PARTS = {
  "a frame": (url) => `<iframe src="${url}"></iframe>`,
  "a frame that is sandboxed": (url) => `<iframe sandbox src="${url}"></iframe>`,
  "an object": (url) => `<object data="${url}"></object>`,
  "an embed": (url) => `<embed src="${url}">`,
  "an image": (url) => `<img src="${url}">`,
  "a style sheet": (url) => `<link rel="stylesheet" href="${url}">`,
  "a video": (url) => `<video src="${url}" preload="auto"></video>`,
  "a prefetch": (url) => `<link rel="prefetch" href="${url}">`,
};

export async function starts(bed) {
  const demo = await bed.demo();
  for (const place of ["of this site", "of another site"]) {
    for (const [name, part] of Object.entries(PARTS)) await asked(demo, place, name, part);
  }
  // Refused starts cost nothing; those that browsers make of themselves are another demo's.
  await speculation(demo);
  await forms(demo);
  await demo.stop();
}

const base = ({ origin }, place) => (place === "of this site" ? origin : ELSEWHERE);

// None of it leads on to the identity provider or writes a cookie.
async function asked(demo, place, name, part) {
  const { world, origin } = demo;
  const { context, page } = await demo.visitor();
  const url = `${base(demo, place)}/-/part`;
  world.pages.set(url, STARTS.map((path) => part((origin + path).replaceAll("&", "&amp;"))).join(""));
  const first = world.requests.length;
  await page.goto(url);
  const seen = await arrived(world, first, STARTS.length);
  const what = `${name} ${place}`;
  equal(`${what}: it arrives`, seen.length >= STARTS.length, true);
  equal(`${what}: and leads nowhere`, seen.filter(begun), []);
  equal(`${what}: nobody asks the identity provider`, world.requests.slice(first).filter(({ url }) => url.startsWith(world.idp)).length, 0);
  equal(`${what}: and no cookie is written`, Object.keys(await cookies(context)), []);
}

// Answers that begin an attempt.
const begun = ({ answer }) => /\/idp\//.test(answer?.location) || /DSX-/.test(answer?.["set-cookie"]);

async function arrived(world, first, count, patience = 3_000) {
  const until = Date.now() + patience;
  const seen = () => STARTS.flatMap((path) => world.at(path.split("?")[0], first)).filter(({ status }) => status);
  while (seen().length < count && Date.now() < until) await new Promise((done) => setTimeout(done, 20));
  return seen();
}

// Speculation rules, which are script: pages that are fetched or built before anybody asks for them.
async function speculation(demo) {
  const { world, origin } = demo;
  for (const kind of ["prefetch", "prerender"]) {
    const { context, page } = await demo.visitor({ javaScriptEnabled: true });
    const rules = { [kind]: [{ source: "list", urls: STARTS.map((path) => origin + path), eagerness: "immediate" }] };
    world.pages.set(`${origin}/-/part`, `<script type="speculationrules">${JSON.stringify(rules)}</script><a href="${STARTS[0]}">Sign in</a>`);
    const first = world.requests.length;
    await page.goto(`${origin}/-/part`);
    const seen = await arrived(world, first, 1);
    check(`rules to ${kind}: what arrives says so`, seen.length > 0 && seen.every(({ headers }) => headers["sec-purpose"]?.startsWith("prefetch")), `${seen.length} arrived`);
    equal(`rules to ${kind}: no attempt begins`, [seen.filter(begun).length, await attempts(context)], [0, []]);
    // Whoever then follows the link signs in all the same.
    await follow(page.getByRole("link", { name: "Sign in" }));
    check(`rules to ${kind}: the link works`, page.url().startsWith(world.idp), page.url());
  }
}

// Forms of another site, at a browser that is signed in and at one that is not.
async function forms(demo) {
  const { world, origin } = demo;
  const form = (path, fields, enctype = "application/x-www-form-urlencoded") =>
    `<form method="post" action="${origin}${path}" enctype="${enctype}">${Object.entries(fields).map(([name, value]) => `<input name='${name}' value='${value}'>`).join("")}<button>Go</button></form>`;
  const attacks = {
    "/auth/sso": form("/auth/sso", { tenant: "T2acme" }),
    "/auth/sso with an address": form("/auth/sso", { email: "ann@acme.test" }),
    "/auth/oauth/google": form("/auth/oauth/google", {}),
    "/sign-in": form("/sign-in", { login: "ann@acme.test" }),
    "/sign-in/code": form("/sign-in/code", { login: "ann@acme.test", code: "123456" }),
    "/v1/auth/sign-in": form("/v1/auth/sign-in", { sessionJwt: "x", refreshJwt: "y" }),
    "/v1/auth/sign-in as text": form("/v1/auth/sign-in", { '{"sessionJwt":"x","refreshJwt":"': '"}' }, "text/plain"),
    "/visit": form("/visit", {}),
  };
  const ben = await demo.visitor();
  await ben.page.goto(`${origin}/sign-in?next=/access`);
  await follow(ben.page.getByRole("button", { name: "Ben Osei" }));
  const bens = await cookies(ben.context);
  for (const [what, markup] of Object.entries(attacks)) {
    world.pages.set(`${ELSEWHERE}/form`, markup);
    const nobody = await demo.visitor();
    for (const { page } of [nobody, ben]) {
      const first = world.requests.length;
      await page.goto(`${ELSEWHERE}/form`);
      await follow(page.getByRole("button", { name: "Go" }));
      const [arrived] = world.at(what.split(" ")[0], first);
      // What the demo does not open is not there. A refusal of the redirects' service leads to its page.
      const refused = [303, 403, 404].includes(arrived?.status) && !begun(arrived) && !arrived.answer["set-cookie"];
      check(`a form of another site to ${what}: refused`, refused && arrived.headers["sec-fetch-site"] === "cross-site", `${arrived?.status} ${arrived?.answer.location}`);
      if (arrived?.status === 303) equal(`… and it says why`, arrived.answer.location, "/sign-in?sign_in_error=cross_site");
    }
    equal(`… it signs nobody in`, Object.keys(await cookies(nobody.context)), []);
    equal(`… and nobody out`, await cookies(ben.context), bens);
  }
  equal("who was signed in is", await who(ben, origin), "U2ben");
}
