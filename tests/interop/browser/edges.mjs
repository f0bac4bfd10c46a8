// The demo where people meet its edges: small windows, long names, links from elsewhere, the Back
// button, and pages that they reach by mistake.

import {
  check,
  equal,
  fits,
  follow,
  heading,
  rows,
  screenshot,
  shoot,
  signInAs,
  startDemo,
  startWithPageCache,
  visit,
} from "./lib.mjs";

// After `journey`, which leaves a project with a long name at Beta Bakery.
export async function edges(browser, demo) {
  starts(demo);
  await wrongProject(demo);
  await withoutCompany(browser, demo);
  await signedInAlready(browser, demo);
  await deepLinks(browser, demo);
  await tables(browser, demo);
  await header(browser, demo);
  await backButton(demo);
}

function starts({ lines }) {
  check("the first line says that a stand-in is in use", lines()[0].startsWith("An embedded stand-in takes Descope's place"), lines()[0]);
  check("the start says how to end it", lines().includes("Ctrl-C ends it."));
}

async function wrongProject({ fake }) {
  const wrong = "P2wrongWrongWrongWrongWrong0";
  const failed = await startDemo({ DESCOPE_PROJECT_ID: wrong, DESCOPE_BASE_URI: fake }).then(
    () => "it runs",
    (error) => error.message,
  );
  const said = failed.split("\n").slice(1).filter((line) => line.trim());
  equal("a wrong project id ends the demo with one line", said.length, 1);
  check("that names the id and the variable", said[0]?.includes(wrong) && said[0].includes("DESCOPE_PROJECT_ID"), said.join("\n"));
}

const links = (page) => page.getByRole("banner").getByRole("link").allInnerTexts();

async function withoutCompany(browser, { origin }) {
  const { context, page, complaints } = await visit(browser, origin);
  await signInAs(page, origin, "Ann Archer");
  equal("who is in no company yet is offered no page of one", await links(page), ["Workbench", "Overview", "Your access"]);
  const missing = await page.goto(`${origin}/no-such-page`);
  equal("an unknown page is 404", [missing.status(), await heading(page)], [404, "There is no such page"]);
  check("and shows that one is signed in", await page.locator(".person-bar").getByText("Ann Archer").isVisible());
  check("with the way out", await page.getByRole("button", { name: "Sign out" }).isVisible());
  equal("no page complained", complaints, []);
  await context.close();
}

async function signedInAlready(browser, { origin }) {
  const { context, page, complaints } = await visit(browser, origin);
  await signInAs(page, origin, "Ann Archer");
  await page.goto(`${origin}/sign-in?why=missing_token&next=/access`);
  equal("/sign-in says that one is signed in", await heading(page), "You are signed in already");
  check("and as whom", (await page.getByRole("main").locator(".lead").innerText()).includes("Ann Archer"));
  equal("and nothing of a reason that is over", await page.locator(".notice").count(), 0);
  await shoot(page, "24-signed-in-already");
  await follow(page.getByRole("link", { name: "Go on" }));
  equal("it leads on to the page that was asked for", page.url(), `${origin}/access`);
  await signInAs(page, origin, "Cleo Castillo");
  await page.waitForURL(`${origin}/projects`);
  check("or to another account", await page.locator(".person-bar").getByText("Cleo Castillo").isVisible());
  equal("a single company is no menu", [await page.locator("details.company").count(), await page.locator("p.company .name").innerText()], [0, "Beta Bakery"]);
  await page.goto(origin);
  equal("and there is no other to choose", await page.getByRole("link", { name: "Choose another company" }).count(), 0);
  await page.goto(`${origin}/sign-in`);
  await follow(page.getByRole("main").getByRole("button", { name: "Sign out" }));
  equal("or out", await page.getByRole("status").innerText(), "You are signed out.");
  equal("no page complained", complaints, []);
  await context.close();
}

async function deepLinks(browser, { origin }) {
  const { context, page, complaints } = await visit(browser, origin);
  const typed = `Solar roof & "more" = 50 % + x`;
  const link = `${origin}/projects?name=${encodeURIComponent(typed)}`;
  await page.goto(link);
  check("a deep link leads to sign-in", page.url().startsWith(`${origin}/sign-in?why=missing_token&next=`));
  await follow(page.getByRole("button", { name: "Ann Archer" }));
  equal("then to the choice of a company", await heading(page), "Choose a company");
  await follow(page.getByRole("main").getByRole("button", { name: "Beta Bakery" }));
  equal("and its query is still there", await page.getByLabel("Name").inputValue(), typed);
  check("the page says that nothing is saved yet", (await page.getByRole("status").innerText()).includes("is not saved yet"));
  for (const evil of ["//evil.test/", "/\\evil.test", "https://evil.test/", "/../..//evil.test"]) {
    await page.goto(`${origin}/sign-in?next=${encodeURIComponent(evil)}`);
    const next = await page.getByRole("link", { name: "Go on" }).evaluate((way) => way.href);
    equal(`${evil} is no page to go on to`, next, `${origin}/projects`);
  }
  equal("no page complained", complaints, []);
  await context.close();
}

async function tables(browser, { origin }) {
  const { context, page } = await visit(browser, origin);
  await signInAs(page, origin, "Cleo Castillo");
  await page.waitForURL(`${origin}/projects`);
  check("there is a long name", (await rows(page)).some((name) => name.startsWith("WWWW")));
  for (const [width, cells] of [[800, "td"], [1180, "th, td"]]) {
    await page.setViewportSize({ width, height: 820 });
    const wrapped = await page.locator("tbody tr").evaluateAll((all, cells) => {
      const others = all.filter((row) => !row.innerText.includes("WWWW"));
      return others.flatMap((row) => [...row.querySelectorAll(cells)]).filter((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getBoundingClientRect().height > 32;
      }).map((cell) => cell.innerText);
    }, cells);
    equal(`beside it nothing else is wrapped at ${width} px`, wrapped, []);
    await fits(page, "the table");
  }
  await context.close();

  const owner = await visit(browser, origin);
  await signInAs(owner.page, origin, "Ann Archer");
  await follow(owner.page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await owner.page.goto(`${origin}/billing`);
  const ends = await owner.page.locator("tr").evaluateAll((all) =>
    all.map((row) =>
      [...row.children].slice(2, 4).map((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return Math.round(range.getBoundingClientRect().right);
      }),
    ),
  );
  for (const [at, name] of [[0, "seats"], [1, "amounts"]]) {
    equal(`${name} end below each other`, new Set(ends.map((row) => row[at])).size, 1);
  }
  await owner.context.close();
}

// The rectangles of what is seen in the header, and what of it is cut off.
const seen = (page) =>
  page.locator("header.bar .inside").evaluate((bar) => {
    const shown = [...bar.querySelectorAll("*")].filter((element) => {
      const inMenu = element.closest("details:not([open]) > :not(summary)");
      const forReaders = getComputedStyle(element).clipPath !== "none";
      return !inMenu && !forReaders && element.checkVisibility() && element.getClientRects().length;
    });
    const texts = shown.filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
    return {
      height: bar.getBoundingClientRect().height,
      outside: shown.filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return left < 0 || right > innerWidth;
      }).map((element) => element.className || element.tagName),
      cut: texts.filter((element) => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflowX !== "visible").map((element) => element.innerText),
      middles: [...bar.children].filter((element) => element.getClientRects().length).map((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return (top + bottom) / 2;
      }),
    };
  });

async function header(browser, { origin }) {
  const { context, page } = await visit(browser, origin, { viewport: { width: 320, height: 640 } });
  const one = async (what, width) => {
    await page.setViewportSize({ width, height: 640 });
    const { height, outside, cut, middles } = await seen(page);
    check(`${what}: at ${width} px the header is one row`, height <= 72 && Math.max(...middles) - Math.min(...middles) < 8, JSON.stringify({ height, middles }));
    equal(`${what}: at ${width} px nothing of it is cut or outside`, [outside, cut], [[], []]);
  };
  await page.goto(origin);
  for (const width of [320, 800, 1200]) await one("signed out", width);
  await page.setViewportSize({ width: 320, height: 640 });
  await signInAs(page, origin, "Ann Archer");
  await follow(page.getByRole("main").getByRole("button", { name: "Acme Robotics" }));
  await page.waitForURL(`${origin}/projects`);
  for (const width of [320, 390, 800, 961, 1200]) await one("signed in", width);

  await page.setViewportSize({ width: 320, height: 640 });
  const menu = page.locator("details.more");
  await menu.locator("summary").click();
  const inside = await menu.locator(".sheet").evaluate((sheet) => {
    const { left, right, bottom } = sheet.getBoundingClientRect();
    return left >= 0 && right <= innerWidth && bottom <= innerHeight;
  });
  check("the menu of pages opens inside the window", inside);
  await page.screenshot({ path: screenshot("25-menu-320") });
  await page.locator("details.company summary").click();
  equal("one menu is open at a time", await page.locator("details.menu[open]").count(), 1);
  await menu.locator("summary").click();
  await follow(menu.getByRole("link", { name: "Billing" }));
  equal("its links lead to the pages", await heading(page), "Billing");
  await fits(page, "billing");
  await menu.locator("summary").click();
  await follow(menu.getByRole("button", { name: "Sign out" }));
  equal("and it has the way out", await page.getByRole("status").innerText(), "You are signed out.");
  await context.close();
}

// Browsers keep whole pages for the Back button, whatever their `Cache-Control` says.
async function backButton({ origin }) {
  const browser = await startWithPageCache();
  const { context, page } = await visit(browser, origin);
  await signInAs(page, origin, "Ann Archer");
  equal("the page of companies is open", await heading(page), "Choose a company");
  await follow(page.getByRole("button", { name: "Sign out" }));
  await page.goBack({ waitUntil: "commit" });
  await page.waitForURL(/\/sign-in\?why=missing_token/);
  equal("Back after a sign-out ends at the sign-in page", await heading(page), "Sign in");

  // As a browser does that brings the page back as it was left.
  await signInAs(page, origin, "Ann Archer");
  await context.clearCookies();
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await page.waitForURL(/\/sign-in\?why=missing_token/);
  equal("and so does a page that is brought back whole", await heading(page), "Sign in");
  await browser.close();
}
