// The world around an app under attack: the app at https://app.test behind a recorder, foreign
// origins of every sort beside it, and a recorder between the app and the fake Descope. All of it
// listens on 127.0.0.1; Chromium is told that *.test is there.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import path from "node:path";

import { work } from "./lib.mjs";

const HOST = "app.test";

// For an hour and for these names; made anew for each run and trusted by nobody else.
function certificate() {
  const folder = path.join(work, "tls");
  mkdirSync(folder, { recursive: true });
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => path.join(folder, name));
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const names = ["-subj", `/CN=${HOST}`, "-addext", "subjectAltName=DNS:app.test,DNS:*.app.test,DNS:*.test"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-nodes", "-days", "1", ...names, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

export function listen(server) {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));
}

export function stop(server) {
  server.closeAllConnections();
  server.close();
}

// Passes a request on as it came, but for the fields in `strip`.
export function pass(request, response, target, strip = new Set(), ended = () => {}) {
  const headers = [];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const [name, value] = request.rawHeaders.slice(at, at + 2);
    if (!strip.has(name.toLowerCase())) headers.push(name, value);
  }
  const options = { method: request.method, path: request.url, headers, agent: false };
  const up = http.request(target, options, (answer) => {
    ended(answer.statusCode, answer.headers);
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  up.on("error", () => response.destroy());
  request.pipe(up);
}

// Between an app and the fake: what went up.
export async function watched(fake) {
  const posts = [];
  const server = http.createServer((request, response) => {
    if (request.method === "POST") posts.push(request.url);
    pass(request, response, fake);
  });
  return { url: `http://127.0.0.1:${await listen(server)}`, posts, stop: () => stop(server) };
}

// Blank pages for scripts to act from, and ways around corners.
function page(request, response, arrived) {
  const url = new URL(request.url, "https://x.test");
  response.setHeader("cache-control", "no-store");
  if (url.pathname === "/-/bounce") {
    response.writeHead(Number(url.searchParams.get("by")), { location: url.searchParams.get("to") }).end();
    request.resume();
    return;
  }
  arrived.push(`${request.method} ${request.headers.host}${request.url}`);
  if (url.pathname === "/-/no-referrer") response.setHeader("referrer-policy", "no-referrer");
  const report = url.searchParams.get("report");
  if (report) {
    response.setHeader("content-security-policy-report-only", `style-src 'none'; report-uri ${report}`);
  }
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>A page</title><body>");
}

// Makes the app at `target` appear at https://app.test:<port>. Its cookies' names start with
// `prefix`.
export async function world(target, prefix) {
  const requests = [];
  // What reached foreign pages.
  const arrived = [];
  const strip = new Set();
  const tls = certificate();
  const own = https.createServer(tls, (request, response) => {
    const isApp = request.headers.host === `${HOST}:${port}`;
    if (!isApp || request.url.startsWith("/-/")) return page(request, response, isApp ? [] : arrived);
    const seen = { method: request.method, url: request.url, headers: request.headers };
    seen.mark = /[?&]m=([\w-]+)/.exec(request.url)?.[1];
    requests.push(seen);
    pass(request, response, target, strip, (status, headers) => Object.assign(seen, { status, answer: headers }));
  });
  const foreign = (request, response) => page(request, response, arrived);
  const otherPort = https.createServer(tls, foreign);
  const plain = http.createServer(foreign);
  const port = await listen(own);
  const other = await listen(otherPort);
  const insecure = await listen(plain);
  return {
    origin: `https://${HOST}:${port}`,
    prefix,
    requests,
    arrived,
    strip,
    // Where attackers may sit, and whether a browser calls it another site.
    attackers: {
      "another site": `https://evil.test:${port}`,
      "a sub-domain": `https://evil.app.test:${port}`,
      "another port": `https://app.test:${other}`,
      "the same host by http": `http://app.test:${insecure}`,
      "a sub-domain by http": `http://evil.app.test:${insecure}`,
      "a host that starts alike": `https://app.test.evil.test:${port}`,
      "a host that ends alike": `https://evilapp.test:${port}`,
    },
    // The requests that carry a mark, once there are `count` that were answered, or after `patience`.
    async marked(mark, count, patience = 10_000) {
      const until = Date.now() + patience;
      const found = () => requests.filter((request) => request.mark === mark && request.status);
      while (found().length < count && Date.now() < until) await new Promise((done) => setTimeout(done, 10));
      return found();
    },
    stop: () => [own, otherPort, plain].forEach(stop),
  };
}
