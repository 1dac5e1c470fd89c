// Keeps the page as it would be if it were opened now. The server says by name what has changed (`/console/live`); when that is what the page
// shows, the page is asked for again, and its parts with `data-patch` are changed into what they are now.
//
// One stream for all windows of a browser: the visible page that holds the lock has it, and passes on what it hears. Hidden pages need none:
// they look once when they are seen again.
"use strict";

const APART_MS = 250; // between two patches
const STALE_MS = 30_000; // "3 minutes ago" grows old without a change
const ALONE_MS = 10_000; // without a stream, the page asks this often
const ASKS = "who has the stream?";
const AGAIN_MS = 30_000; // until a stream is asked for again that was refused

const main = document.querySelector("main[data-live]");
if (main) {
  keepFresh(main.dataset.live.split(" "), main.dataset.stream, main.dataset.after);
}

function keepFresh(shown, stream, after) {
  const others = new BroadcastChannel(stream);
  const sign = document.getElementById("live-sign");
  let cursor = after;
  let changed = false;
  let asking = false;
  let timer = 0;
  let notBefore = 0;
  let source = null;
  let release = () => {};

  const say = (live) => {
    sign.hidden = false;
    sign.className = live ? "live on" : "live off";
    sign.textContent = live ? "Live" : "Updated every 10 seconds";
  };

  const soon = () => {
    if (!timer && !asking && !document.hidden) {
      timer = setTimeout(look, Math.ceil(Math.max(0, notBefore - performance.now())));
    }
  };

  const look = async () => {
    timer = 0;
    if (!changed) {
      return;
    }
    changed = false;
    asking = true;
    let pause = APART_MS;
    try {
      await patch();
    } catch {
      changed = true; // the server is away: until it is back, the page stays as it was
      pause = ALONE_MS;
    }
    notBefore = performance.now() + pause;
    asking = false;
    if (changed) {
      soon();
    }
  };

  const refresh = () => {
    changed = true;
    soon();
  };

  const hear = ([id, text]) => {
    cursor = id || cursor;
    say(true);
    const concerns = (name) => shown.some((one) => name === one || name.startsWith(`${one}/`) || one.startsWith(`${name}/`));
    if (text.split("\n").some((name) => name === "*" || (name && concerns(name)))) {
      refresh();
    }
  };

  const open = () => {
    source = new EventSource(`${stream}?after=${encodeURIComponent(cursor)}`);
    source.onmessage = (event) => {
      const heard = [event.lastEventId, event.data];
      hear(heard);
      others.postMessage(heard);
    };
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) {
        say(false);
        refresh(); // who is signed out learns it by that
        setTimeout(() => source?.readyState === EventSource.CLOSED && open(), AGAIN_MS);
      }
    };
  };

  const begin = () => {
    others.postMessage(ASKS);
    if (!navigator.locks) {
      open(); // a page without TLS that is not this machine's
      return;
    }
    const wait = new AbortController();
    release = () => wait.abort();
    const hold = () =>
      new Promise((done) => {
        release = done;
        open();
      });
    navigator.locks.request(stream, { signal: wait.signal }, hold).catch(() => {}); // aborted: the page was hidden before its turn
  };

  const end = () => {
    source?.close();
    source = null;
    release();
  };

  others.onmessage = (event) => {
    if (event.data !== ASKS) {
      hear(event.data);
    } else if (source?.readyState === EventSource.OPEN) {
      others.postMessage(["", ""]); // another window wants to know whether it hears
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      end();
    } else {
      begin();
      refresh();
    }
  });
  addEventListener("pagehide", end);
  addEventListener("pageshow", (event) => {
    if (event.persisted && !source) {
      begin();
      refresh();
    }
  });
  setInterval(refresh, STALE_MS);
  setInterval(() => source?.readyState === EventSource.CLOSED && refresh(), ALONE_MS);
  if (!document.hidden) {
    begin();
  }
}

async function patch() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (answer.status >= 500 || answer.status === 429) {
    throw new Error(answer.statusText);
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.redirected || !page.querySelector("main[data-live]")) {
    location.reload(); // signed out, or what it showed is gone
    return;
  }
  document.title = page.title;
  for (const old of document.querySelectorAll("[data-patch]")) {
    const now = page.getElementById(old.id);
    if (now) {
      Idiomorph.morph(old, now, { ignoreActiveValue: true, callbacks: { beforeAttributeUpdated: keepOpen } });
    }
  }
  document.dispatchEvent(new CustomEvent("heliograph:patched"));
}

// What a person has folded out stays so.
function keepOpen(name, element) {
  return !(name === "open" && element.tagName === "DETAILS");
}
