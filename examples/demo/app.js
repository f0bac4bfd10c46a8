// Niceties only: every page works without this file.
"use strict";

const ends = Number(document.body.dataset.sessionEnds);

// Descope's browser SDK (checked with @descope/web-js-sdk 1.53.0) asks for the session of an
// HttpOnly cookie only if this mark of its own says that somebody signed in.
try {
  if (ends) {
    if (!localStorage.getItem("DSLI")) localStorage.setItem("DSLI", "1");
  } else if (location.pathname === "/sign-in") {
    localStorage.removeItem("DSLI");
  }
} catch {
  // Storage is blocked; only the SDK would have cared.
}

// How long the session lasts, in the footer.
const left = document.getElementById("session-left");
if (ends && left) {
  const show = () => {
    const seconds = ends - Math.floor(Date.now() / 1000);
    if (seconds <= 0) {
      left.textContent = "Your session has ended; the next click asks you to sign in.";
      clearInterval(timer);
    } else if (seconds < 60) {
      left.textContent = `Session: ${seconds} s left.`;
    } else {
      left.textContent = `Session: ${Math.floor(seconds / 60)} min left.`;
    }
  };
  const timer = setInterval(show, 1000);
  show();
}

// The company menu closes on Escape and on a click elsewhere.
const menu = document.querySelector("details.menu");
if (menu) {
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
