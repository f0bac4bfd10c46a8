// Niceties only: every page works without this file.
"use strict";

const { tenant, sessionBegan, sessionEnds } = document.body.dataset;
const ends = Number(sessionEnds);
let renewals = 0;

try {
  // Descope's browser SDK (checked with @descope/web-js-sdk 1.53.0) asks for the session of an
  // HttpOnly cookie only if this mark of its own says that somebody signed in.
  if (ends) {
    if (!localStorage.getItem("DSLI")) localStorage.setItem("DSLI", "1");
    renewals = countRenewals();
  } else if (location.pathname === "/sign-in") {
    localStorage.removeItem("DSLI");
    localStorage.removeItem("session");
  }
} catch {
  // Storage is blocked; only the SDK and the count would have cared.
}

// A later session of the same tenant is a renewal; one of another tenant is a switch.
function countRenewals() {
  const now = { tenant, began: Number(sessionBegan), renewals: 0 };
  const last = JSON.parse(localStorage.getItem("session")) ?? now;
  if (now.began < last.began) return last.renewals;
  const renewed = now.began > last.began && now.tenant === last.tenant;
  now.renewals = last.renewals + (renewed ? 1 : 0);
  localStorage.setItem("session", JSON.stringify(now));
  return now.renewals;
}

// What became of the session, and how long it lasts, in the footer.
const line = document.getElementById("session");
if (ends && line) {
  const times = renewals === 1 ? "once" : `${renewals} times`;
  const past = renewals ? `Session renewed ${times}, ` : "Session: ";
  const show = () => {
    const seconds = ends - Math.floor(Date.now() / 1000);
    if (seconds <= 0) {
      line.textContent = `${past}run out; the next click renews it.`;
      clearInterval(timer);
    } else if (seconds < 60) {
      line.textContent = `${past}${seconds} s left.`;
    } else {
      line.textContent = `${past}${Math.floor(seconds / 60)} min left.`;
    }
  };
  const timer = setInterval(show, 1000);
  show();
}

// Back can show a page as it was left, after a sign-out too and whatever its `Cache-Control` says:
// the browser keeps whole pages for that. Ask for what is true now.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// The menus close on Escape and on a click elsewhere.
for (const menu of document.querySelectorAll("details.menu")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
