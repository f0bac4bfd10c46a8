// Every form of request that a page can make another origin receive. Each is a function that runs
// in the page, made to text by Playwright, so that it may use nothing from around it.
//
// `sends` is what arrives: a POST, a GET, a preflight, or nothing. `type` is what the server sees of
// the body's type: that of an HTML form, another one, or none. `bare`: Chromium sends it without
// cookies, so it proves less. `hosted`: needs a server behind the page.

// A form element; `fields` into a frame of its own, or into the window itself.
const submit = (enctype, fields, how = {}) => ({
  argument: { enctype, fields, ...how },
  run: (url, { enctype, fields, method = "post", target = "frame", button }) => {
    const form = document.createElement("form");
    Object.assign(form, { action: url, method: button ? "get" : method, enctype: button ? "" : enctype });
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      form.append(input);
    }
    if (target === "frame") {
      const frame = document.createElement("iframe");
      form.target = frame.name = `f${Math.random()}`;
      document.body.append(frame);
    } else {
      form.target = target;
    }
    document.body.append(form);
    if (!button) return form.submit();
    const press = document.createElement("button");
    Object.assign(press, { formAction: url, formMethod: "post", formEnctype: enctype });
    form.append(press);
    press.click();
  },
});

// A call of fetch, whose failure is the page's to see and nobody's to care.
const fetched = (options, how) => ({
  argument: { options, ...how },
  run: (url, { options, body, reply, keep }) => {
    const bodies = {
      params: () => new URLSearchParams({ tenant: "T2beta" }),
      multipart: () => Object.entries({ tenant: "T2beta" }).reduce((data, [name, value]) => (data.append(name, value), data), new FormData()),
      json: () => new Blob(['{"tenant":"T2beta"}'], { type: "application/json" }),
      bytes: () => new TextEncoder().encode('{"tenant":"T2beta"}'),
      text: () => '{"tenant":"T2beta"}',
    };
    const target = reply ? `${location.origin}/-/bounce?by=${reply}&to=${encodeURIComponent(url)}` : url;
    fetch(target, { method: "POST", credentials: "include", keepalive: Boolean(keep), ...options, body: bodies[body]?.() }).catch(() => {});
  },
});

const URLENCODED = "application/x-www-form-urlencoded";
const MULTIPART = "multipart/form-data";
const TENANT = { tenant: "T2beta" };
// What text/plain makes of it is JSON.
const SMUGGLED = { '{"tenant":"T2beta","x":"': '"}' };

const element = (markup) => ({
  argument: { markup },
  run: (url, { markup }) => {
    const holder = document.createElement("div");
    document.body.append(holder);
    holder.innerHTML = markup.replaceAll("URL", url.replaceAll("&", "&amp;"));
    // Scripts and the like run only if they are made, not parsed.
    for (const old of holder.querySelectorAll("script")) {
      const made = document.createElement("script");
      for (const { name, value } of old.attributes) made.setAttribute(name, value);
      made.textContent = old.textContent;
      old.replaceWith(made);
    }
    holder.querySelector("a[ping]")?.click();
  },
});

export const FORMS = {
  "form, urlencoded": { ...submit(URLENCODED, TENANT), sends: "POST", type: "form" },
  "form, multipart": { ...submit(MULTIPART, TENANT), sends: "POST", type: "form" },
  "form, text/plain with JSON inside": { ...submit("text/plain", SMUGGLED), sends: "POST", type: "other" },
  "form, with a method of its button": { ...submit(URLENCODED, TENANT, { button: true }), sends: "POST", type: "form" },
  "form, with _method=PUT": { ...submit(URLENCODED, { ...TENANT, _method: "PUT" }), sends: "POST", type: "form" },
  "form, into a new window": { ...submit(URLENCODED, TENANT, { target: "_blank" }), sends: "POST", type: "form" },
  "form without fields": { ...submit(URLENCODED, {}), sends: "POST", type: "form" },
  "form by GET with _method=POST": { ...submit(URLENCODED, TENANT, { method: "get" }), sends: "GET", own: true },
  "fetch no-cors, text": { ...fetched({ mode: "no-cors" }, { body: "text" }), sends: "POST", type: "other" },
  "fetch no-cors, urlencoded": { ...fetched({ mode: "no-cors" }, { body: "params" }), sends: "POST", type: "form" },
  "fetch no-cors, multipart": { ...fetched({ mode: "no-cors" }, { body: "multipart" }), sends: "POST", type: "form" },
  "fetch no-cors, a JSON blob": { ...fetched({ mode: "no-cors" }, { body: "json" }), sends: "POST", type: "other" },
  "fetch no-cors, a type of JSON by hand": {
    ...fetched({ mode: "no-cors", headers: { "content-type": "application/json" } }, { body: "text" }),
    sends: "POST",
    type: "other",
  },
  "fetch no-cors, bytes without a type": { ...fetched({ mode: "no-cors" }, { body: "bytes" }), sends: "POST", type: "other" },
  "fetch no-cors, no body": { ...fetched({ mode: "no-cors" }, {}), sends: "POST", type: "none" },
  "fetch no-cors, method override": {
    ...fetched({ mode: "no-cors", headers: { "x-http-method-override": "PUT" } }, { body: "params" }),
    sends: "POST",
    type: "form",
  },
  "fetch no-cors, no referrer": {
    ...fetched({ mode: "no-cors", referrerPolicy: "no-referrer" }, { body: "params" }),
    sends: "POST",
    type: "form",
  },
  "fetch no-cors, keepalive": { ...fetched({ mode: "no-cors" }, { body: "params", keep: true }), sends: "POST", type: "form" },
  "fetch no-cors, GET": { ...fetched({ mode: "no-cors", method: "GET" }, {}), sends: "GET" },
  "fetch no-cors, HEAD": { ...fetched({ mode: "no-cors", method: "HEAD" }, {}), sends: "HEAD" },
  "fetch no-cors, by way of a 307": { ...fetched({ mode: "no-cors" }, { body: "params", reply: 307 }), sends: "POST", type: "form", hosted: true },
  "fetch no-cors, by way of a 302": { ...fetched({ mode: "no-cors" }, { body: "params", reply: 302 }), sends: "GET", hosted: true },
  "fetch cors, text": { ...fetched({}, { body: "text" }), sends: "POST", type: "other" },
  "fetch cors, urlencoded": { ...fetched({}, { body: "params" }), sends: "POST", type: "form" },
  "fetch cors, text/plain that mentions JSON": {
    ...fetched({ headers: { "content-type": "text/plain; application/json" } }, { body: "text" }),
    sends: "POST",
    type: "other",
  },
  "fetch cors, JSON": { ...fetched({ headers: { "content-type": "application/json" } }, { body: "text" }), sends: "OPTIONS" },
  "fetch cors, a JSON blob": { ...fetched({}, { body: "json" }), sends: "OPTIONS" },
  "fetch cors, method override": {
    ...fetched({ headers: { "x-http-method-override": "POST" }, method: "GET" }, {}),
    sends: "OPTIONS",
  },
  "fetch cors, authorization": { ...fetched({ headers: { authorization: "Bearer x" } }, { body: "params" }), sends: "OPTIONS" },
  "fetch cors, PUT": { ...fetched({ method: "PUT" }, { body: "params" }), sends: "OPTIONS" },
  "fetch same-origin": { ...fetched({ mode: "same-origin" }, { body: "params" }), sends: "nothing" },
  "XMLHttpRequest, text": {
    run: (url) => {
      const request = new XMLHttpRequest();
      request.open("POST", url);
      request.withCredentials = true;
      request.send('{"tenant":"T2beta"}');
    },
    sends: "POST",
    type: "other",
  },
  "XMLHttpRequest that watches its upload": {
    run: (url) => {
      const request = new XMLHttpRequest();
      request.upload.onprogress = () => {};
      request.open("POST", url);
      request.withCredentials = true;
      request.send("tenant=T2beta");
    },
    sends: "OPTIONS",
  },
  "beacon, text": { run: (url) => navigator.sendBeacon(url, '{"tenant":"T2beta"}'), sends: "POST", type: "other" },
  "beacon, urlencoded": { run: (url) => navigator.sendBeacon(url, new URLSearchParams({ tenant: "T2beta" })), sends: "POST", type: "form" },
  "beacon, empty": { run: (url) => navigator.sendBeacon(url), sends: "POST", type: "none" },
  "beacon, a JSON blob": {
    run: (url) => navigator.sendBeacon(url, new Blob(['{"tenant":"T2beta"}'], { type: "application/json" })),
    sends: "OPTIONS",
  },
  "a link with ping": { ...element('<a href="#" ping="URL">x</a>'), sends: "POST", type: "other", hosted: true },
  image: { ...element('<img src="URL">'), sends: "GET" },
  script: { ...element('<script src="URL"></script>'), sends: "GET" },
  "style sheet": { ...element('<link rel="stylesheet" href="URL">'), sends: "GET" },
  "style sheet's image": { ...element('<p style="background: url(URL)">x</p>'), sends: "GET" },
  preload: { ...element('<link rel="preload" as="image" href="URL">'), sends: "GET" },
  prefetch: { ...element('<link rel="prefetch" href="URL">'), sends: "GET", bare: true },
  "module preload": { ...element('<link rel="modulepreload" href="URL">'), sends: "GET", bare: true },
  module: { ...element('<script type="module" src="URL"></script>'), sends: "GET", bare: true },
  frame: { ...element('<iframe src="URL"></iframe>'), sends: "GET" },
  object: { ...element('<object data="URL"></object>'), sends: "GET" },
  embed: { ...element('<embed src="URL">'), sends: "GET" },
  video: { ...element('<video src="URL" preload="auto"></video>'), sends: "GET" },
  "event source": { run: (url) => new EventSource(url, { withCredentials: true }), sends: "GET" },
  "web socket": { run: (url) => new WebSocket(url.replace("https:", "wss:")), sends: "GET" },
  "a new window": { run: (url) => window.open(url), sends: "GET" },
  "speculation rules": {
    ...element('<script type="speculationrules">{"prerender":[{"source":"list","urls":["URL"]}],"prefetch":[{"source":"list","urls":["URL"]}]}</script>'),
    sends: "at most GET",
  },
  worker: {
    run: (url) => {
      try {
        new Worker(url);
      } catch {}
    },
    sends: "nothing",
  },
};

// Those that take the window with them.
export const NAVIGATIONS = {
  "form, urlencoded, in the window": { ...submit(URLENCODED, TENANT, { target: "_self" }), sends: "POST", type: "form" },
  "form, multipart, in the window": { ...submit(MULTIPART, TENANT, { target: "_self" }), sends: "POST", type: "form" },
  "form, text/plain, in the window": { ...submit("text/plain", SMUGGLED, { target: "_self" }), sends: "POST", type: "other" },
  "form, by way of a 307": {
    argument: {},
    run: (url) => {
      const form = document.createElement("form");
      form.method = "post";
      form.action = `/-/bounce?by=307&to=${encodeURIComponent(url)}`;
      form.innerHTML = '<input name="tenant" value="T2beta">';
      document.body.append(form);
      form.submit();
    },
    sends: "POST",
    type: "form",
    hosted: true,
  },
  "the window's address": { run: (url) => void (location.href = url), sends: "GET" },
  "a refresh by meta": { ...element('<meta http-equiv="refresh" content="0; url=URL">'), sends: "GET" },
};
