// Links to the page with the sign-in component by which somebody would sign others in as themselves.

import { check, cookies, equal, heading, signInAs } from "./lib.mjs";
import {
  ANN,
  CODE,
  FLOW,
  answered,
  button,
  calls,
  field,
  fill,
  listener,
  nothingReadable,
  signedIn,
  submit,
  who,
} from "./listener.mjs";

// How long a page has had nothing to do that has done all it would.
const QUIET = 700;

// Links by which somebody would sign others in as themselves: as Ann.
export async function planted(browser, demo) {
  const { origin } = demo;
  const attacker = await listener(browser, demo);
  const flow = await begun(attacker, origin);
  const run = `descope-login-flow=${encodeURIComponent(`${flow.executionId}_${flow.stepId}`)}`;
  const links = [run, `${run}&code=x`, `${run}&t=x`, `${run}&err=x`, "code=x", "t=x"];
  const named = (link) => `?${link.replace(run, "descope-login-flow=…")}`;

  // Each in a browser of its own, side by side.
  await Promise.all(links.map(async (link) => {
    const what = named(link);
    const { context, page, strangers, heard } = await listener(browser, demo);
    await follows(what, page, heard, `${origin}${FLOW}?${link}`);
    equal(`${what}: a visitor stays signed out`, [await signedIn(context), heard.successes.length], [false, 0]);
    notGoneOn(what, heard, flow, link);
    equal(`${what}: the code, brought by hand, is refused`, await bring(page, flow, { code: CODE }), [403, "foreign_flow"]);
    equal(`${what}: and signs nobody in`, await signedIn(context), false);
    await page.goto(`${origin}/projects`);
    check(`${what}: no page takes the visitor for anybody`, page.url().startsWith(`${origin}/sign-in?`), page.url());
    equal(`${what}: no other server was asked`, [...strangers], []);
    nothingReadable(what, heard);
    await context.close();
  }));

  const bens = [];
  for (const link of links) {
    const ben = await listener(browser, demo);
    await signInAs(ben.page, origin, "Ben Osei");
    bens.push({ link, ...ben });
  }
  await Promise.all(bens.map(async ({ link, context, page, strangers, heard }) => {
    const what = `${named(link)}, Ben`;
    const before = (await cookies(context))["__Host-DSR"].value;
    await follows(what, page, heard, `${origin}${FLOW}?${link}`);
    notGoneOn(what, heard, flow, link);
    equal(`${what}: the code, brought by hand, is refused`, await bring(page, flow, { code: CODE }), [403, "foreign_flow"]);
    await page.goto(`${origin}/sign-in`);
    equal(`${what}: he stays Ben`, [await who(page), await heading(page)], ["Ben Osei", "You are signed in already"]);
    equal(`${what}: with his own cookie`, (await cookies(context))["__Host-DSR"].value, before);
    equal(`${what}: no other server was asked`, [...strangers], []);
    nothingReadable(what, heard);
    await context.close();
  }));

  // The flow was nobody else's: who has started it goes on with it.
  const loaded = attacker.page.waitForURL((url) => url.pathname !== FLOW);
  await submit(attacker.page, "code", CODE);
  await loaded;
  equal("whose flow it is can still end it", await who(attacker.page), "Ann Archer");
  await attacker.context.close();

  // What comes with a link's token goes up from any browser; a session never comes back to another one.
  for (const name of ["a visitor", "Ben"]) {
    const { context, page, strangers, heard } = await listener(browser, demo);
    if (name === "Ben") await signInAs(page, origin, "Ben Osei");
    const sender = await listener(browser, demo);
    const other = await begun(sender, origin);
    await page.goto(`${origin}${FLOW}`);
    const answer = await bring(page, other, { code: CODE, token: "x" });
    equal(`${name}: a flow that ends with a token brought by hand signs nobody else in`, answer, [403, "foreign_flow"]);
    if (name === "Ben") {
      await page.goto(`${origin}/sign-in`);
      equal("and Ben is still Ben", await who(page), "Ben Osei");
    } else {
      equal("and the visitor is still nobody", await signedIn(context), false);
    }
    nothingReadable(name, heard);
    equal(`${name}: no other server was asked`, [...strangers], []);
    await sender.context.close();
    await context.close();
  }
}

// Somebody's flow, as far as the code.
async function begun({ page, heard }, origin) {
  await page.goto(`${origin}${FLOW}`);
  await submit(page, "loginId", ANN);
  await field(page, "code").waitFor();
  const { executionId, stepId } = JSON.parse(calls(heard, "start").at(-1).text);
  check("somebody has a flow under way", executionId && stepId, executionId);
  const project = await page.locator("#flow").getAttribute("data-project");
  return { executionId, stepId, project };
}

// Follows a link, and does on its page what somebody would who does not know better.
async function follows(what, page, heard, link) {
  await page.goto(link);
  const { searchParams: said } = new URL(link);
  if (!said.has("descope-login-flow")) {
    // The start takes along what the link says.
    await fill(page, "loginId", ANN);
    const press = () => button(page).click();
    equal(`${what}: who signs in there is told no`, await answered(page, press), 403);
  } else if (said.has("t")) {
    await fill(page, "code", CODE);
    // The answer is of the step that the URL has named, and for a step that has not changed the component
    // keeps no way to go on: its button does nothing, in whoever's browser.
    await button(page).click();
  } else if (said.has("code") || said.has("err")) {
    await until(() => heard.errors.length > 0);
    equal(`${what}: the component is told why`, heard.errors, ["foreign_flow"]);
  }
  await quiet(page, heard);
}

// Until nothing has come to the page for a while.
async function quiet(page, { bodies }) {
  for (let seen = -1; seen !== bodies.length; ) {
    seen = bodies.length;
    await page.waitForTimeout(QUIET);
  }
}

async function until(holds) {
  for (let left = 600; left > 0 && !holds(); left -= 1) await new Promise((done) => setTimeout(done, 50));
}

// The step of a flow as the component would send it.
function bring(page, { executionId, stepId, project }, input) {
  const body = { executionId, stepId, interactionId: "submit", version: 1, input };
  return page.evaluate(
    async ([project, body]) => {
      const answer = await fetch("/v1/flow/next", {
        method: "POST",
        headers: { "authorization": `Bearer ${project}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return [answer.status, (await answer.json()).errorCode];
    },
    [project, body],
  );
}

function notGoneOn(what, heard, { executionId }, link) {
  const own = calls(heard, "next").filter(({ sent }) => sent.includes(JSON.stringify(executionId)));
  // The link of a mail may be read in another browser than the one that waits: such a call goes up.
  const steps = own.filter(({ sent }) => !JSON.parse(sent).input?.token);
  equal(`${what}: no step was taken in somebody else's flow`, steps.filter(({ status }) => status === 200).length, 0);
  if (/&(code|err)=/.test(link)) {
    equal(`${what}: though the component has tried`, steps.map(({ status }) => status), [403]);
  }
}

