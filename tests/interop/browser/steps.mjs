// The steps that a flow of Descope's may have beside a screen, with the real component: a way over an
// identity provider of another site, links by mail, and flows for somebody who is signed in.

import { check, cookies, equal, screenshot, signInAs } from "./lib.mjs";
import {
  ANN,
  CODE,
  FLOW,
  TOKEN,
  calls,
  found,
  kept,
  leaves,
  listener,
  nothingReadable,
  press,
  shown,
  signedIn,
  submit,
  who,
} from "./listener.mjs";

// Over the identity provider, which is at another site than `localhost`, and back.
export async function singleSignOn(browser, demo, sameSite) {
  const origin = demo.origin.replace("127.0.0.1", "localhost");
  const { context, page, complaints, strangers, heard } = await listener(browser, { origin });
  await page.goto(`${origin}${FLOW}?flow=single-sign-on`);
  await shown(page);
  const there = page.waitForURL((url) => url.origin === demo.fake);
  await press(page);
  await there;
  check("the flow leads to the identity provider", page.url().includes("/idp/"), page.url());
  equal("the execution is bound, and nobody is signed in", [await bindings(context, sameSite), await signedIn(context)], [1, false]);
  const returns = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest() && request.url().includes("descope-login-flow")) returns.push(request);
  });
  await leaves(page, origin, () => page.getByRole("link", { name: "Ann Archer" }).click());
  equal("the way back signs in", await who(page), "Ann Archer");
  equal("there was one", returns.length, 1);
  const sent = (await returns[0].allHeaders()).cookie ?? "";
  equal("which brought the binding along", sent.includes("__Host-DSF-"), sameSite === "Lax");
  equal("the calls", [calls(heard, "start"), calls(heard, "next")].map((all) => all.map(({ status }) => status)), [[200], [200]]);
  const jar = await cookies(context);
  const wrong = Object.values(jar).filter((it) => !it.httpOnly || !it.secure || it.sameSite !== sameSite);
  equal("all cookies are HttpOnly, Secure and as they are set up", wrong, []);
  check("the device's is one of them", "__Host-DTD" in jar, Object.keys(jar).join());
  check("the storage has no token", !(await kept(page)).includes(TOKEN));
  await page.reload();
  equal("after a reload it is still Ann", await who(page), "Ann Archer");
  equal("no page complained", complaints, []);
  equal("nobody was asked but the identity provider", [...strangers], [demo.fake]);
  nothingReadable("single sign-on", heard);
  await context.close();
}

// One browser waits, and the link of the mail is opened elsewhere.
export async function links(browser, demo, sameSite) {
  const { origin } = demo;
  const asking = async (flow) => {
    const visitor = await listener(browser, demo);
    await visitor.page.goto(`${origin}${FLOW}?flow=${flow}`);
    await submit(visitor.page, "loginId", ANN);
    await found(() => polls(visitor.heard));
    check(`${flow}: the page asks again and again`, polls(visitor.heard).length > 0);
    return visitor;
  };
  const open = async (page) => {
    await page.goto(`${origin}/sign-in/mail`);
    const answer = page.waitForResponse(/\/v1\/flow\/next$/);
    await page.getByRole("link", { name: "Go on with the sign-in" }).first().click();
    return (await answer).status();
  };

  let waiting = await asking("enchanted-link");
  await waiting.page.screenshot({ path: screenshot(`flow-${sameSite}-waiting`), fullPage: true });
  let other = await listener(browser, demo);
  await leaves(waiting.page, origin, async () => equal("an enchanted link may be opened in another browser", await open(other.page), 200));
  equal("which signs in the one that waits", await who(waiting.page), "Ann Archer");
  equal("and not the other", [await signedIn(other.context), other.heard.successes.length], [false, 0]);
  await other.page.screenshot({ path: screenshot(`flow-${sameSite}-opened`), fullPage: true });
  await ends("enchanted link", [waiting, other]);

  waiting = await asking("magic-link");
  other = await listener(browser, demo);
  equal("a magic link opened in another browser is refused", await open(other.page), 403);
  await found(() => other.heard.errors);
  equal("and its reader is told why", [other.heard.errors, await other.page.locator(".notice").innerText()], [["foreign_flow"], "this browser has not started this sign-in, please start again"]);
  equal("nobody is signed in there", [await signedIn(other.context), other.heard.successes.length], [false, 0]);
  await found(() => waiting.heard.errors);
  equal("nor in the browser that waits, which is told", [await signedIn(waiting.context), waiting.heard.errors.length], [false, 1]);
  await ends("magic link in another browser", [waiting, other]);

  waiting = await asking("magic-link");
  const tab = await waiting.another();
  await leaves(tab, origin, async () => equal("a magic link opened in another tab", await open(tab), 200));
  equal("signs in", await who(tab), "Ann Archer");
  await waiting.page.bringToFront();
  await found(() => waiting.heard.errors);
  equal("the tab that waited is told that it is over", waiting.heard.errors, ["E103202"]);
  await waiting.page.reload();
  equal("and is signed in, too", await who(waiting.page), "Ann Archer");
  await ends("magic link in another tab", [waiting]);
}

// A flow for somebody who is signed in, which shows nothing before it is started.
export async function stepUp(browser, demo, sameSite) {
  const { origin } = demo;
  const ben = await listener(browser, demo);
  const { context, page, heard } = ben;
  await signInAs(page, origin, "Ben Osei");
  const before = await cookies(context);
  await page.goto(`${origin}${FLOW}?flow=step-up`);
  await shown(page, "code");
  equal("it begins by itself", calls(heard, "start").map(({ status }) => status), [200]);
  equal("the page knows who is signed in", await who(page), "Ben Osei");
  await leaves(page, origin, () => submit(page, "code", CODE));
  equal("a second flow goes on with the session of who is signed in", await who(page), "Ben Osei");
  const after = await cookies(context);
  check("of which there are new cookies", ["__Host-DS", "__Host-DSR"].every((name) => after[name].value !== before[name].value));
  equal("its page had the user, and no token", JSON.parse(heard.successes[0]?.detail ?? "null")?.user?.userId, "U2ben");

  // Somebody's link: the start takes its code or token along.
  for (const link of ["code=x", "t=x"]) {
    const at = `?flow=step-up&${link}`;
    const visitor = await listener(browser, demo);
    for (const [name, it] of [["a visitor", visitor], ["Ben", ben]]) {
      it.heard.errors.length = 0;
      const starts = calls(it.heard, "start").length;
      await it.page.goto(`${origin}${FLOW}${at}`);
      await shown(it.page, "code");
      const [first, second, ...more] = calls(it.heard, "start").slice(starts);
      const brings = ({ sent }) => /"(exchangeCode|token)":"x"/.test(sent);
      equal(`${at}, ${name}: the start that the link asks for is refused`, [brings(first), first.status, it.heard.errors], [true, 403, ["foreign_flow"]]);
      check(`${at}, ${name}: and the page says why`, await it.page.locator(".notice").isVisible());
      equal(`${at}, ${name}: then the component starts without what it said`, [brings(second), second.status, more.length], [false, 200, 0]);
    }
    equal(`${at}: the visitor stays nobody`, await signedIn(visitor.context), false);
    equal(`${at}: and Ben Ben`, [await who(page), (await cookies(context))["__Host-DSR"].value], ["Ben Osei", after["__Host-DSR"].value]);
    await ends(at, [visitor]);
  }
  await page.goto(`${origin}${FLOW}?flow=step-up`);
  await shown(page, "code");
  check("without it the flow begins", await page.locator("#flow").isVisible());
  await ends("a second flow", [ben]);

  // Nobody is signed in, so nothing says for whom the flow would end.
  const nobody = await listener(browser, demo);
  await nobody.page.goto(`${origin}${FLOW}?flow=step-up`);
  await submit(nobody.page, "code", CODE);
  await found(() => nobody.heard.errors);
  equal("nobody steps up who is not signed in", [nobody.heard.errors, await signedIn(nobody.context)], [["E011002"], false]);
  await ends("a step-up of nobody", [nobody]);
}

const polls = (heard) => calls(heard, "next").filter(({ sent }) => sent.includes('"polling"'));

async function bindings(context, sameSite) {
  const all = Object.values(await cookies(context)).filter(({ name }) => name.startsWith("__Host-DSF-"));
  return all.filter((it) => it.httpOnly && it.secure && it.sameSite === sameSite).length;
}

async function ends(what, visitors) {
  for (const { context, strangers, heard } of visitors) {
    equal(`${what}: no page asked another server`, [...strangers], []);
    nothingReadable(what, heard);
    await context.close();
  }
}
