// Foreign pages in Chromium against the tenant switch, the session routes and the demo's own forms.
//
// The victim's cookies are planted with SameSite=None, so that nothing but the server's own checks
// stands between. A recorder in front of the app proves that an attack arrived, with which cookies,
// and how it was answered; another one behind it counts what went up to Descope.


import { watched, world } from "./foreign.mjs";
import { FORMS, NAVIGATIONS } from "./forms.mjs";
import { check, equal, main, startDemo, startExample, startOpenHearted } from "./lib.mjs";
import { redirects } from "./redirects.mjs";
import { tossing } from "./tossing.mjs";

const PROJECT = "P2fakeFakeFakeFakeFakeFak000";
const SEC_FETCH = ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user", "sec-fetch-storage-access"];
// What an older browser, or a proxy on the way, may leave out.
const MODES = { "all fields": [], "no Sec-Fetch": SEC_FETCH, "neither Sec-Fetch nor Origin": [...SEC_FETCH, "origin"] };

// A part by its name, for whoever works on one; all of them else.
const part = (name) => !process.argv[2] || process.argv[2] === name;

let marks = 0;

main(840, async () => {
  const fake = await startExample("fake_descope", ["--listen", "127.0.0.1:0"], /FakeDescope listens at (\S+)/);
  const upstream = await watched(fake);
  const descope = { DESCOPE_PROJECT_ID: PROJECT, DESCOPE_BASE_URI: upstream.url };
  const start = () => startOpenHearted("--host-resolver-rules=MAP *.test 127.0.0.1", "--ignore-certificate-errors");
  let context = await start();
  const bed = {
    upstream,
    // A browser that nobody has used. What attackers leave behind may keep its windows from
    // closing and opening; then it is another process.
    async visitor() {
      for (const attempt of [1, 2, 3]) {
        const page = await within(10_000, empty(context));
        if (page) return { context, page };
        console.log(`(Chromium is stuck; starting another one, ${attempt})`);
        await bed.burn();
      }
      throw new Error("Chromium opens no page");
    },
    async burn() {
      await within(1_000, context.close());
      context = await start();
    },
    signIn: (login, tenant) => signIn(fake, login, tenant),
    sendCode: (loginId) => post(fake, "/v1/auth/otp/signin/email", { loginId }),
  };


  console.log("\n# HTML forms off");
  const bare = await startExample("select_tenant", [], /(http:\/\/127\.0\.0\.1:\d+)\/projects/, { ...descope, PORT: "0" });
  const off = await world(bare, "");
  if (part("attack")) await attack(bed, off, { select: "/tenant/select", forms: false });
  off.stop();

  console.log("\n# HTML forms on");
  for (const [style, prefix, env] of [["__Host- names", "__Host-", {}], ["plain names", "", { DEMO_COOKIE_NAMES: "plain" }]]) {
    const demo = await startDemo({ ...descope, ...env });
    const on = await world(demo.origin, prefix);
    if (prefix) {
      if (part("attack")) await attack(bed, on, { select: "/v1/auth/tenant/select", forms: true });
      if (part("routes")) await routes(bed, on);
      if (part("redirects")) await redirects(bed, on);
    }
    console.log(`\n# cookie tossing, ${style}`);
    if (part("tossing")) await tossing(bed, on, prefix);
    on.stop();
    demo.stop();
  }
  upstream.stop();
  await within(3_000, context.close());
});

// What comes of a promise, or nothing if it fails or takes too long.
function within(milliseconds, promise) {
  return Promise.race([promise.catch(() => undefined), new Promise((done) => setTimeout(done, milliseconds))]);
}

async function empty(context) {
  for (const page of context.pages().slice(1)) await page.close();
  await context.clearCookies();
  return context.newPage();
}

// A call to the fake itself, past all recorders.
async function post(fake, path, body, token) {
  const authorization = `Bearer ${[PROJECT, token].filter(Boolean).join(":")}`;
  const headers = { authorization, "content-type": "application/json" };
  const answer = await fetch(`${fake}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function signIn(fake, loginId, tenant) {
  await post(fake, "/v1/auth/otp/signin/email", { loginId });
  const { sessionJwt, refreshJwt } = await post(fake, "/v1/auth/otp/verify/email", { loginId, code: "123456" });
  const inTenant = tenant && (await post(fake, "/v1/auth/tenant/select", { tenant }, refreshJwt));
  return { session: inTenant?.sessionJwt ?? sessionJwt, refresh: inTenant?.refreshJwt || refreshJwt };
}

// A browser in which Ann is signed in, at Acme.
async function victim({ visitor, signIn }, { origin, prefix }) {
  const { context, page } = await visitor();
  const tokens = await signIn("ann@acme.test", "T2acme");
  const cookie = { domain: "app.test", path: "/", secure: true, httpOnly: true, sameSite: "None" };
  await context.addCookies([
    { ...cookie, name: `${prefix}DS`, value: tokens.session },
    { ...cookie, name: `${prefix}DSR`, value: tokens.refresh },
  ]);
  return { context, page, before: await context.cookies(origin) };
}

// The pages that attack: the foreign origins, and those without one. Where a browser sends all
// fields it is all of them, else those that differ in what is left.
function* attackers(world, mode) {
  for (const [name, origin] of Object.entries(world.attackers)) {
    if (mode !== "all fields" && !["another site", "a sub-domain"].includes(name)) continue;
    yield [name, async (page) => (await page.goto(`${origin}/`), page.mainFrame()), true];
  }
  yield* withoutOrigin(world, mode);
}

function* withoutOrigin(world, mode) {
  yield ["another site without referrer", async (page) => (await page.goto(`${world.attackers["another site"]}/-/no-referrer`), page.mainFrame()), true];
  const sandbox = '<iframe sandbox="allow-scripts allow-forms allow-popups" srcdoc="<body>"></iframe>';
  yield ["a sandboxed frame of the app's own page", (page) => framed(page, `${world.origin}/-/blank`, sandbox), false];
  if (mode !== "all fields") return;
  yield ["a data: frame of another site", (page) => framed(page, `${world.attackers["another site"]}/`, '<iframe src="data:text/html,<body>"></iframe>'), false];
  yield ["a data: frame of a sub-domain", (page) => framed(page, `${world.attackers["a sub-domain"]}/`, '<iframe src="data:text/html,<body>"></iframe>'), false];
}

async function framed(page, url, markup) {
  await page.goto(url);
  await page.evaluate((markup) => (document.body.innerHTML = markup), markup);
  const handle = await page.waitForSelector("iframe");
  const frame = await handle.contentFrame();
  await frame.waitForSelector("body", { state: "attached" });
  return frame;
}

// What should arrive: `METHOD status`, or nothing.
function wanted({ sends, type }, mode, forms) {
  if (sends === "nothing" || sends === "at most GET") return [];
  if (sends !== "POST") return [`${sends} 405`];
  const foreign = mode !== "neither Sec-Fetch nor Origin" || (type === "form" && forms);
  return [`POST ${foreign ? 403 : 415}`];
}

async function launch(frame, form, url) {
  await frame.evaluate(`(${form.run})(${JSON.stringify(url)}, ${JSON.stringify(form.argument ?? {})}), undefined`);
}

const said = (requests) => requests.map(({ method, status }) => `${method} ${status}`);
const carried = ({ headers }) => /DSR=/.test(headers.cookie ?? "");

// Every form, from every attacker, in every mode, at the tenant switch.
async function attack(bed, world, { select, forms }) {
  for (const [mode, strip] of Object.entries(MODES)) {
    world.strip.clear();
    for (const name of strip) world.strip.add(name);
    for (const [who, open, hosted] of attackers(world, mode)) {
      const { context, page, before } = await victim(bed, world);
      const posts = bed.upstream.posts.length;
      const pages = await navigate(open, page, world, { select, mode, forms, hosted });
      const launched = [];
      const frame = await open(page);
      for (const [name, form] of Object.entries(FORMS)) {
        if (form.hosted && !hosted) continue;
        const mark = `a${++marks}`;
        launched.push([name, form, mark]);
        // A GET's form replaces the query by its fields.
        if (form.own) form.argument.fields.m = mark;
        await launch(frame, form, `${world.origin}${select}?m=${mark}`);
      }
      if (hosted) await reported(page, world, select, launched);
      const wrong = [];
      let arrived = 0;
      let withCookies = 0;
      for (const [name, form, mark] of launched) {
        const expected = wanted(form, mode, forms);
        const found = await world.marked(mark, expected.length);
        const fits = form.sends === "at most GET" ? found.every(({ method, status }) => method === "GET" && status === 405) : `${said(found)}` === `${expected}`;
        if (!fits) wrong.push(`${name}: ${said(found).join(" ") || "nothing"}, wanted ${expected.join(" ") || "nothing"}`);
        arrived += found.length;
        withCookies += found.filter(carried).length;
        // Preflights never carry any.
        const bare = found.filter((request) => request.method !== "OPTIONS" && !carried(request));
        if (bare.length && !form.bare && form.sends !== "at most GET") wrong.push(`${name}: came without cookies, which proves nothing`);
      }
      wrong.push(...pages.wrong);
      equal(`${mode}: ${who}: ${launched.length + pages.launched} forms, of which ${arrived + pages.arrived} arrived, ${withCookies + pages.withCookies} with cookies, are answered as the policy says`, wrong, []);
      equal(`${mode}: ${who}: nothing went up to Descope`, bed.upstream.posts.slice(posts), []);
      equal(`${mode}: ${who}: no cookie changed`, await context.cookies(world.origin), before);
      await bed.burn();
    }
    await honest(bed, world, { select, mode, forms });
  }
  world.strip.clear();
}

// A report of a broken policy is a POST that a browser sends by itself.
async function reported(page, world, select, launched) {
  const mark = `a${++marks}`;
  const base = new URL(page.url()).origin;
  const tab = await page.context().newPage();
  const report = encodeURIComponent(`${world.origin}${select}?m=${mark}`);
  await tab.goto(`${base}/?report=${report}`);
  await tab.evaluate(() => (document.body.innerHTML = '<p style="color: red">'));
  launched.push(["a policy's report", { sends: "POST", type: "other", bare: true }, mark]);
}

// Those that take the window away, one after another.
async function navigate(open, page, world, { select, mode, forms, hosted }) {
  const result = { launched: 0, arrived: 0, withCookies: 0, wrong: [] };
  for (const [name, form] of Object.entries(NAVIGATIONS)) {
    if (form.hosted && !hosted) continue;
    const mark = `a${++marks}`;
    const tab = await page.context().newPage();
    await launch(await open(tab), form, `${world.origin}${select}?m=${mark}`);
    const expected = wanted(form, mode, forms);
    const found = await world.marked(mark, 1);
    if (`${said(found)}` !== `${expected}`) result.wrong.push(`${name}: ${said(found)}, wanted ${expected}`);
    if (!found.every(carried)) result.wrong.push(`${name}: came without cookies`);
    result.launched += 1;
    result.arrived += found.length;
    result.withCookies += found.filter(carried).length;
  }
  return result;
}

// The site's own page may: else all those refusals would show nothing.
async function honest(bed, world, { select, mode, forms }) {
  const none = mode === "neither Sec-Fetch nor Origin";
  const allowed = forms && !none;
  for (const [what, from, form, expected] of [
    ["fetch with JSON", "blank", null, "POST 200"],
    ["a form", "blank", "form, urlencoded, in the window", allowed ? "POST 303" : forms ? "POST 403" : "POST 415"],
    // `Origin: null`, which only `Sec-Fetch-Site` can tell from a sandboxed frame's.
    ["a form of a page without referrer", "no-referrer", "form, urlencoded, in the window", allowed && mode === "all fields" ? "POST 303" : forms ? "POST 403" : mode === "no Sec-Fetch" ? "POST 403" : "POST 415"],
  ]) {
    const { page } = await victim(bed, world);
    const posts = bed.upstream.posts.length;
    await page.goto(`${world.origin}/-/${from}`);
    const mark = `a${++marks}`;
    const url = `${world.origin}${select}?m=${mark}`;
    if (form) {
      await launch(page.mainFrame(), NAVIGATIONS[form], url);
    } else {
      const options = { method: "POST", headers: { "content-type": "application/json" }, body: '{"tenant":"T2beta"}' };
      await page.evaluate(([url, options]) => fetch(url, options).then((answer) => answer.text()), [url, options]);
    }
    const done = / (200|303)/.test(expected);
    equal(`${mode}: the app's own page: ${what}`, [said(await world.marked(mark, 1)), bed.upstream.posts.length - posts], [[expected], done ? 1 : 0]);
  }
}

// The other routes and the demo's own forms, by what a page can send without asking.
async function routes(bed, world) {
  const post = ["form, urlencoded", "form, multipart", "form, text/plain with JSON inside", "fetch no-cors, text", "fetch no-cors, no body", "fetch cors, text", "beacon, empty", "beacon, text", "fetch no-cors, by way of a 307"];
  const calls = ["/v1/auth/refresh", "/v1/auth/try-refresh", "/v1/auth/logout", "/v1/auth/logoutall", "/v1/auth/me/tenants"];
  const own = ["/projects", "/sign-out", "/sign-out/everywhere", "/sign-in", "/sign-in/code"];
  for (const [mode, strip] of Object.entries(MODES)) {
    world.strip.clear();
    for (const name of strip) world.strip.add(name);
    const bare = mode === "neither Sec-Fetch nor Origin";
    for (const who of ["another site", "a sub-domain", "another port", "the same host by http"]) {
      const { context, page, before } = await victim(bed, world);
      const posts = bed.upstream.posts.length;
      await page.goto(`${world.attackers[who]}/`);
      const launched = [];
      for (const target of [...calls, ...own]) {
        for (const name of post) {
          // No browser leaves `Origin` out of these, and without it they cannot be told from a
          // server's: the routes take them, by their documentation.
          if (bare && FORMS[name].type === "none" && calls.includes(target)) continue;
          const status = bare && calls.includes(target) ? 415 : 403;
          launched.push([`${name} to ${target}`, FORMS[name], target, `POST ${status}`]);
        }
      }
      // Reading is refused where a browser says who asks; else its answer is not theirs to read.
      for (const target of ["/v1/auth/me", "/v1/auth/me/history"]) {
        launched.push([`image of ${target}`, FORMS.image, target, `GET ${mode === "all fields" ? 403 : 200}`]);
      }
      launched.push(["web socket to /projects", FORMS["web socket"], "/projects", "GET 403"]);
      const wrong = [];
      for (const entry of launched) {
        entry.push(`a${++marks}`);
        await launch(page.mainFrame(), entry[1], `${world.origin}${entry[2]}?m=${entry[4]}`);
      }
      for (const [name, , , expected, mark] of launched) {
        const found = await world.marked(mark, 1);
        if (`${said(found)}` !== expected) wrong.push(`${name}: ${said(found)}, wanted ${expected}`);
        if (!found.every(carried)) wrong.push(`${name}: came without cookies`);
        for (const { answer } of found) {
          const leak = Object.keys(answer).find((field) => field.startsWith("access-control-"));
          if (leak) wrong.push(`${name}: lets others read: ${leak}`);
        }
      }
      equal(`routes, ${mode}: ${who}: ${launched.length} requests are answered as the policy says`, wrong, []);
      equal(`routes, ${mode}: ${who}: nothing went up to Descope`, bed.upstream.posts.slice(posts), []);
      equal(`routes, ${mode}: ${who}: no cookie changed`, await context.cookies(world.origin), before);
      await bed.burn();
    }
  }
  world.strip.clear();
  const { page } = await victim(bed, world);
  await page.goto(`${world.origin}/access`);
  const seen = await page.locator("body").innerText();
  check("and whoever comes after all that is still served", seen.includes("U2ann"), seen.slice(0, 200));
}
