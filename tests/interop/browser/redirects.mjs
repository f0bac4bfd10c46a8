// Open redirects: every spelling of a way out, through every field that says where to go on.

import { check, equal } from "./lib.mjs";

// `EVIL` is a foreign host, with its port.
const AWAY = [
  "//EVIL", "///EVIL", "////EVIL/", "/\\EVIL", "\\\\EVIL", "/\\/EVIL", "\\/EVIL", "/\\\\EVIL",
  "/%2f/EVIL", "/%2fEVIL", "/%5cEVIL", "/%2F%2FEVIL", "%2f%2fEVIL", "//%65vil.test", "//user@EVIL", "//app.test@EVIL", "/@EVIL", "@EVIL", ".EVIL", ":EVIL",
  "https://EVIL", "https:EVIL", "https:/EVIL", "https:///EVIL", "http:EVIL", "HTTPS://EVIL", "https:\\\\EVIL", "https://app.test@EVIL/", "https://app.test.EVIL/",
  "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "/javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>", "blob:https://EVIL/x", "view-source:https://EVIL", "ftp://EVIL", "ws://EVIL", "about:blank", "file:///etc/passwd",
  "/\t/EVIL", "/\n/EVIL", "/\r/EVIL", "\t//EVIL", "\n//EVIL", " //EVIL", "/ /EVIL", "/\u0000/EVIL", "/\u000b/EVIL", "/\u0085/EVIL", "/\u007f/EVIL",
  "/x\r\nLocation: https://EVIL", "/x\r\nSet-Cookie: evil=1", "/x\r\n\r\n<script>alert(1)</script>", "/x%0d%0aSet-Cookie:%20evil=1", "/x\u560d\u560aSet-Cookie: evil=1",
  "/\u2028/EVIL", "/\u202e/EVIL", "\ufeff//EVIL", "/\ufeff/EVIL", "/\u200b/EVIL", "\uff0f\uff0fEVIL", "/\uff0fEVIL", "/\u2215/EVIL", "/\uff3cEVIL", "//evil\u3002test",
  "/.//EVIL", "/./EVIL", "/..//EVIL", "/../../EVIL", "/a/..//EVIL", "/%2e//EVIL", "/%2e%2e//EVIL", "/.%2E//EVIL", "/.\\/EVIL", "/a/../..//EVIL",
  "/;//EVIL", "/?//EVIL", "/#//EVIL", "?//EVIL", "#//EVIL", "", "EVIL", "/\"><script>alert(1)</script>", "/<script>",
  `/${"a".repeat(3_000)}`, `${"/".repeat(2_000)}EVIL`, `/${"a".repeat(2_046)}`, `/${"\u00e9".repeat(1_000)}`,
];

export async function redirects(bed, world) {
  const evil = new URL(world.attackers["another site"]).host;
  const { context, page } = await bed.visitor();
  const tokens = await bed.signIn("ann@acme.test", "T2acme");
  const cookie = { domain: "app.test", path: "/", secure: true, httpOnly: true, sameSite: "Lax" };
  await context.addCookies([
    { ...cookie, name: "__Host-DS", value: tokens.session },
    { ...cookie, name: "__Host-DSR", value: tokens.refresh },
  ]);
  const alerts = [];
  page.on("dialog", (dialog) => (alerts.push(page.url()), dialog.dismiss()));

  const ways = {
    "return_to of the switch": ["post", "/v1/auth/tenant/select", (away) => ({ tenant: "T2acme", return_to: away })],
    "next of a sign-in": ["post", "/sign-in/code", (away) => ({ login: "ann@acme.test", code: "123456", next: away })],
    "next after a sign-in": ["get", "/sign-in/done", (away) => ({ next: away })],
    "next of the sign-in page": ["get", "/sign-in", (away) => ({ next: away, why: away })],
    "next of the picker": ["get", "/tenants", (away) => ({ next: away, select_error: away })],
  };
  for (const [what, [method, path, fields]] of Object.entries(ways)) {
    const wrong = [];
    world.arrived.length = 0;
    for (const away of AWAY.map((away) => away.replaceAll("EVIL", evil))) {
      const shown = JSON.stringify(away.slice(0, 60));
      const first = world.requests.length;
      if (path === "/sign-in/code") await bed.sendCode("ann@acme.test");
      await page.goto(`${world.origin}/-/blank`);
      await page.evaluate(send, { method, path, fields: fields(away) });
      await page.waitForURL((url) => url.pathname !== "/-/blank").catch(() => wrong.push(`${shown} led nowhere: ${page.url()}`));
      await page.waitForLoadState();
      if (new URL(page.url()).origin !== world.origin) wrong.push(`${shown} led to ${page.url()}`);
      for (const { url, answer } of world.requests.slice(first)) {
        const location = answer?.location;
        if (location !== undefined && !/^\/(?![/\\])[!-~]*$/.test(location)) wrong.push(`${shown} from ${url.slice(0, 60)}: Location ${location}`);
        if (/evil=/.test(answer?.["set-cookie"])) wrong.push(`${shown}: a cookie of its own`);
      }
      // Where the page's own forms would lead next.
      for (const next of await page.locator("input[name=next], input[name=return_to]").evaluateAll((all) => all.map(({ value }) => value))) {
        const target = new URL(next, world.origin);
        if (target.origin !== world.origin || /^\/[/\\]/.test(next)) wrong.push(`${shown} is offered: ${next}`);
      }
    }
    equal(`${what}: ${AWAY.length} ways out lead nowhere else`, wrong, []);
    equal(`${what}: no foreign page was asked`, world.arrived, []);
  }
  equal("no script of theirs ran", alerts, []);
  await page.goto(`${world.origin}/access`);
  check("and the user is still signed in", (await page.locator("body").innerText()).includes("U2ann"), page.url());
}

function send({ method, path, fields }) {
  const form = document.createElement("form");
  Object.assign(form, { method, action: path });
  for (const [name, value] of Object.entries(fields)) {
    // A text area keeps what an input would strip.
    const area = document.createElement("textarea");
    Object.assign(area, { name, value });
    form.append(area);
  }
  document.body.append(form);
  form.submit();
}
