// The page works without this script. It makes the list live, opens webhooks
// beside the list, copies, and lets the keyboard do it. What it puts on the
// page was drawn by the server and comes as a document, so that no string ever
// becomes markup here.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const view = document.body.dataset.view;

// load fetches a page of this site as a document; null if that failed.
function load(url) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onload = () => resolve(request.response && { page: request.response, url: request.responseURL });
    request.onerror = () => resolve(null);
    request.send();
  });
}

// take puts elements of a loaded page in the place of those here.
function take(page, ...selectors) {
  for (const selector of selectors) {
    const now = $(selector), next = $(selector, page);
    if (now && next && !now.isEqualNode(next)) {
      now.replaceWith(document.importNode(next, true));
    }
  }
  ready();
}

// ready shows what only works with a script.
function ready() {
  for (const element of $$(".needs-script[hidden]")) {
    element.hidden = false;
  }
}

// ---- live

function say(state) {
  const live = $("#live");
  if (live.dataset.state !== state) {
    live.dataset.state = state;
    live.textContent = state;
  }
}

let stream = null;
function connect() {
  if (stream || document.hidden) {
    return;
  }
  say("connecting");
  stream = new EventSource("/events");
  stream.onopen = () => { say("live"); soon(); };
  stream.onerror = () => say(stream.readyState === EventSource.CLOSED ? "stopped" : "reconnecting");
  stream.addEventListener("webhook", soon);
  stream.addEventListener("reset", soon);
  stream.addEventListener("fault", soon);
}

// A browser has six connections to a site, over all tabs: a tab that nobody
// sees gives its own back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else {
    connect();
  }
});

// soon reloads the list, once for all webhooks that come at about the same
// time.
let waiting = false, loading = false;
function soon() {
  if (waiting) {
    return;
  }
  waiting = true;
  setTimeout(async () => {
    waiting = false;
    if (loading) {
      soon();
      return;
    }
    loading = true;
    await refresh();
    loading = false;
  }, 60);
}

async function refresh() {
  if (view === "webhooks") {
    await refreshWebhooks();
  } else if (view === "chats") {
    await refreshChats();
  } else {
    const loaded = await load("/send");
    if (loaded) {
      take(loaded.page, "#fault");
    }
  }
}

const newest = () => Number($("#list")?.dataset.top || 0);

async function refreshWebhooks() {
  if (new URLSearchParams(location.search).has("before")) {
    return; // older webhooks stay as they are
  }
  const loaded = await load("/webhooks" + ($("#list").dataset.query || ""));
  if (!loaded) {
    return;
  }
  const list = $("#list"), next = $("#list", loaded.page);
  const before = newest();
  const rows = $$("li", next).filter((row) => Number(row.dataset.number) > before);
  const newer = rows.length;
  announce(newer, rows.filter((row) => !$("a.ok", row)).length);
  take(loaded.page, "#summary", "#fault");
  const pane = $(".list-pane");
  if (newer > 0 && pane.scrollTop > 8 && before > 0) {
    const button = $("#newer");
    button.textContent = newer + " new ↑";
    button.hidden = false;
    return;
  }
  if (newer > 0 || next.textContent !== list.textContent) { // others after a restart
    showRows(loaded.page, newer);
  }
  if (!$("#detail article") && $(".empty form") && newest() > 0) {
    take(loaded.page, "#detail");
  }
}

// announce tells readers of the screen what came, at most every five seconds.
let came = 0, bad = 0, announced = null;
function announce(newer, refused) {
  came += newer;
  bad += refused;
  if (came === 0 || announced) {
    return;
  }
  announced = setTimeout(() => {
    $("#news").textContent = `${came} new webhook${came === 1 ? "" : "s"}` + (bad ? `, ${bad} not taken` : "");
    came = bad = 0;
    announced = null;
  }, 5000);
}

// showRows puts the rows of a loaded page into the list. What has the focus
// keeps it.
function showRows(page, newer) {
  const focused = document.activeElement?.closest?.("#list li")?.dataset.number;
  const open = $("#detail article")?.dataset.number;
  take(page, "#list", ".list-foot");
  $("#newer").hidden = true;
  for (const row of $$("#list li").slice(0, newer)) {
    row.classList.add("new");
  }
  mark(open);
  if (focused) {
    $(`#list li[data-number="${focused}"] a`)?.focus({ preventScroll: true });
  }
}

async function refreshChats() {
  const loaded = await load(location.href);
  if (!loaded) {
    return;
  }
  const pane = $("#detail");
  const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 80;
  const at = pane.scrollTop;
  const focused = document.activeElement?.closest?.("#list a, #detail a")?.getAttribute("href");
  take(loaded.page, "#summary", "#list", "#detail", "#fault");
  const now = $("#detail");
  now.scrollTop = atEnd ? now.scrollHeight : at;
  if (focused) {
    $(`#list a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }
  $("main").classList.toggle("has-detail", Boolean($("#detail article, #detail [data-waits]")));
}

// ---- open a webhook beside the list

function mark(number) {
  for (const link of $$("#list a.row")) {
    const on = link.parentElement.dataset.number === String(number);
    on ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
}

async function open(url, push = true) {
  const loaded = await load(url);
  if (!loaded || !$("#detail", loaded.page)) {
    location.href = url;
    return;
  }
  take(loaded.page, "#detail");
  $("main").classList.toggle("has-detail", Boolean($("#detail article")));
  document.title = loaded.page.title;
  if (push) {
    history.pushState(null, "", loaded.url);
  }
  mark($("#detail article")?.dataset.number);
  for (const link of $$("#list a.row.conversation")) {
    link.pathname === location.pathname ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
  $("#detail").scrollTop = 0;
}

window.addEventListener("popstate", () => open(location.href, false));

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("#list a.row");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
    event.preventDefault();
    open(link.href);
    return;
  }
  const button = event.target.closest?.("button");
  if (!button) {
    return;
  }
  if (button.id === "newer") {
    const loaded = await load("/webhooks" + ($("#list").dataset.query || ""));
    if (loaded) {
      showRows(loaded.page, 0);
      $(".list-pane").scrollTop = 0;
    }
  } else if (button.id === "keys-button") {
    $("#keys").showModal();
  } else if (button.dataset.copy) {
    copy(button, $("#" + button.dataset.copy).textContent);
  } else if (button.dataset.copyFrom) {
    copy(button, await (await fetch(button.dataset.copyFrom)).text());
  }
});

async function copy(button, text) {
  const name = button.dataset.name ||= button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser does not allow it";
  }
  setTimeout(() => { button.textContent = name; }, 1500);
}

// ---- keyboard

function move(by) {
  const rows = $$("#list a.row");
  if (rows.length === 0) {
    return;
  }
  let at = rows.indexOf(document.activeElement);
  if (at < 0) {
    at = rows.findIndex((row) => row.hasAttribute("aria-current"));
  }
  at = at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1);
  rows[at].focus();
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  "/": () => $("#search, #filter-samples")?.focus(),
  r: () => $("#replay")?.click(),
  e: () => $("#edit")?.click(),
  c: () => $("#copy-curl")?.click(),
  "?": () => $("#keys").showModal(),
  1: () => { location.href = "/webhooks"; },
  2: () => { location.href = "/chats"; },
  3: () => $('nav a[href="/send"]')?.click(),
  Escape: () => back(),
};

function back() {
  const current = $("#list a.row[aria-current]") || $("#list a.row");
  if ($("main").classList.contains("has-detail") && matchMedia("(max-width: 800px)").matches) {
    open("/" + view + ($("#list").dataset.query || ""));
  }
  current?.focus();
}

document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("input, textarea, select");
  if (field?.id === "body" && event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
    field.form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) {
    return;
  }
  if (field) {
    if (event.key === "Escape") {
      field.blur();
    }
    return;
  }
  // Arrows scroll what has the focus, unless that is the list.
  if (event.key.startsWith("Arrow") && !event.target.closest?.("#list")) {
    return;
  }
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// ---- send

// The banner is on every page: who makes Cloud Logging work again stays there.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("#fault form");
  if (!form) {
    return;
  }
  event.preventDefault();
  await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams({ fault: "" }) });
  soon();
});

// An answer takes as long as Cloud Logging does, up to eight seconds.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.defaultPrevented || event.target.method !== "post" || !button) {
    return;
  }
  if (button.ariaBusy) {
    event.preventDefault();
  }
  button.ariaBusy = "true";
});
window.addEventListener("pageshow", () => {
  for (const button of $$("button[aria-busy]")) {
    button.ariaBusy = null;
  }
});

$("#filter-samples")?.addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const item of $$(".samples li")) {
    item.hidden = !words.every((word) => item.dataset.name.includes(word));
  }
});

ready();
connect();
