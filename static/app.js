// What the pages do beyond plain HTML and htmx. Nothing here is needed for the studio to work.

const root = document.documentElement;
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const on = (type, act, capture) => document.addEventListener(type, act, capture);
root.classList.add("js");

// What scripts say, in the page's language: what is not among its words is said in English. `{name}` takes a fact.
const said = JSON.parse(document.body.dataset.words ?? "{}");
globalThis.gettext = (text, facts = {}) =>
  Object.entries(facts).reduce((words, [name, fact]) => words.replaceAll(`{${name}}`, fact), said[text] ?? text);

// Polling: silent while the tab is hidden, one question on return.

const isPolling = (element) => /\bevery\b/.test(element.getAttribute("hx-trigger") ?? "");

// For who wants to be told by the system, a hidden tab asks four times a minute.
let askedHidden = 0;

on("htmx:beforeRequest", (event) => {
  if (!document.hidden || !isPolling(event.detail.elt)) return;
  if (root.dataset.notify !== "on" || Date.now() - askedHidden < 15_000) return event.preventDefault();
  askedHidden = Date.now();
});

on("visibilitychange", () => {
  if (document.hidden) return;
  const live = document.querySelector("#live[hx-get]");
  if (live) htmx.ajax("GET", live.getAttribute("hx-get"), { source: live, swap: "none" });
});

// Time: elapsed while something runs, moments in the reader's own zone.

function elapsed(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return gettext("{seconds} s", { seconds });
  if (seconds < 3600) return gettext("{minutes} min {seconds} s", { minutes: Math.floor(seconds / 60), seconds: two(seconds % 60) });
  return gettext("{hours} h {minutes} min", { hours: Math.floor(seconds / 3600), minutes: two(Math.floor((seconds % 3600) / 60)) });
}

function tick() {
  if (document.hidden) return;
  for (const time of $$("time[data-elapsed-since]")) time.textContent = elapsed(time.dataset.elapsedSince);
}
setInterval(tick, 1000);

// The time alone for today, the date alone for another day, unless more is wanted; all of it on hover.
// English as the reader writes it (en-GB, en-US); another language of the page as that language does.
const locale = root.lang.startsWith("en") ? undefined : root.lang;

function localTimes() {
  for (const time of $$("time[data-local]:not([title])")) {
    const moment = new Date(time.dateTime);
    const say = (dateStyle, timeStyle) => moment.toLocaleString(locale, { dateStyle, timeStyle });
    const isToday = moment.toDateString() === new Date().toDateString();
    if (time.dataset.local === "exact") time.textContent = say(isToday ? undefined : "medium", "medium");
    else if (time.dataset.local === "long") time.textContent = say("medium", "short");
    else time.textContent = isToday ? say(undefined, "short") : say("medium");
    time.title = say("full", "long");
  }
}

// Where the reader's days begin, for the library's headings and dates.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) document.cookie = `zone=${timeZone}; path=/; max-age=31536000; samesite=lax`;

// Word of what became ready, for toasts.js.

const say = (type, detail) => document.dispatchEvent(new CustomEvent(type, { detail }));
const toast = (text, href) => say("toast", { text, href });

const statuses = new Map();

function watch(card, announce) {
  const before = statuses.get(card.id);
  const now = card.dataset.status;
  statuses.set(card.id, now);
  if (!announce || !before || before === now || !card.dataset.said) return;
  say("news", { status: now, said: card.dataset.said, href: card.dataset.href });
}

// A clip on a card shows its poster until it is asked to play. The player is what stands there for whoever has no
// JavaScript: text where scripts run, elements in what htmx puts in.

function playerOf(place) {
  const found = place.querySelector("video");
  if (found) return found;
  const made = document.createElement("template");
  made.innerHTML = place.textContent;
  return made.content.querySelector("video");
}

on("click", ({ target }) => {
  const button = target.closest?.("[data-play]");
  if (!button) return;
  const stage = button.parentElement;
  const place = stage.querySelector("noscript");
  const video = document.importNode(playerOf(place), true);
  stage.querySelector("[data-still]").replaceWith(video);
  place.remove();
  button.remove();
  video.focus();
  video.play();
});

// The composer: the draft, the counter, the slider, the name of the chosen file.

const promptBox = () => document.querySelector("#composer textarea[name=prompt]");

// What is refused or just sent comes back filled in; a draft only fills an empty box.
function recallDraft() {
  const box = promptBox();
  if (box && !box.value) box.value = sessionStorage.getItem("draft") ?? "";
}

// When the session has ended, whatever asks next leads to the sign-in. What was chosen goes along with the draft, images
// by their ids, and comes back with the composer; a file that only the browser has cannot.
const OF_ONE_PAGE = new Set(["csrfmiddlewaretoken", "form_token", "prompt", "says", "shown_price", "was"]);

on("htmx:beforeOnLoad", ({ detail: { xhr } }) => {
  const box = promptBox();
  if (!box || !xhr.getResponseHeader("HX-Redirect")) return;
  const chosen = [...new FormData(box.form)].filter(([name, value]) => value && typeof value === "string" && !OF_ONE_PAGE.has(name));
  sessionStorage.setItem("draft", box.value);
  sessionStorage.setItem("chosen", new URLSearchParams(chosen));
});

function recallChosen() {
  const chosen = sessionStorage.getItem("chosen");
  if (!chosen || !promptBox()) return;
  sessionStorage.removeItem("chosen");
  location.replace(`${location.pathname}?${chosen}`);
}

function count(box) {
  const counter = document.getElementById(box.dataset.counter);
  if (!counter) return;
  const length = box.value.replace(/\r\n?/g, "\n").trim().length;
  counter.textContent = `${length} / ${box.dataset.max}`;
  counter.toggleAttribute("data-over", length > Number(box.dataset.max));
}

on("input", ({ target }) => {
  if (target.dataset.counter) count(target);
  const pair = document.getElementById(target.dataset.pair);
  if (pair) pair.value = target.value;
  if (target === promptBox()) sessionStorage.setItem("draft", target.value);
});

const weight = (bytes) => (bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);

on("change", ({ target }) => {
  if (target.type !== "file") return;
  const preview = document.getElementById(target.dataset.preview);
  const said = [...target.files].map((file) => `${file.name}, ${weight(file.size)}`);
  if (preview) preview.textContent = said.join("; ");
});

// The address of a list says what is filtered, and nothing of what is not.
on("htmx:configRequest", ({ detail: { elt, formData } }) => {
  if (!elt.matches(".filters")) return;
  for (const [name, value] of [...formData.entries()]) if (!value) formData.delete(name);
});

// Another model's options: asked for without the file itself, which stays chosen in the browser.
// A model may call its first frame otherwise: what an image is for tells which one it is, as on the server.
const chosen = {};
const files = () => $$("#options input[type=file]");
const place = ({ dataset, name }) => dataset.role || name;

on("htmx:configRequest", ({ detail: { verb, formData } }) => {
  if (verb !== "get") return;
  for (const { name } of files()) {
    const values = formData.getAll(name).map((value) => (value.name ? "chosen" : value));
    formData.delete(name);
    values.filter((value) => typeof value === "string").forEach((value) => formData.append(name, value));
  }
});
on("htmx:beforeSwap", ({ detail: { target } }) => {
  if (target.id === "composer") for (const name in chosen) delete chosen[name];
  else for (const input of files()) chosen[place(input)] = input.files;
});
// The price of options that another model's have replaced meanwhile: its place is gone, and what came instead has one.
on("htmx:beforeRequest", ({ detail: { target } }) => {
  const dropWhenGone = ({ currentTarget, detail }) => {
    if (!currentTarget.isConnected) detail.shouldSwap = false;
  };
  target.addEventListener("htmx:beforeSwap", dropWhenGone, { once: true });
});
// At the swap, not after it has settled: a request that waited for this one leaves in between.
on("htmx:afterSwap", ({ detail: { target } }) => {
  if (target?.id !== "options") return; // a page that comes back out of the history has none
  for (const input of files()) {
    if (!chosen[place(input)]?.length || input.files.length) continue;
    input.files = chosen[place(input)];
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
});
on("htmx:afterSettle", ({ detail: { target } }) => {
  if (target?.id !== "options") return;
  const was = document.querySelector("#options input[name=was]");
  if (was?.value) document.querySelector("#composer select[name=model]").value = was.value;
});

// A form that was refused leads to the first thing to mend.
on("htmx:afterSettle", ({ detail: { target, xhr } }) => {
  if (target?.id !== "composer" || xhr.status !== 422) return;
  const wrong = document.querySelector("#composer [aria-invalid]");
  (wrong?.querySelector("input:checked") ?? wrong ?? document.querySelector("#composer [role=alert]"))?.focus();
});

// One request for one press, however it was pressed; a form that htmx sends drops the second by hx-sync.

on("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", true);
});
addEventListener("pageshow", () => {
  for (const form of $$("form[data-sent]")) {
    delete form.dataset.sent;
    form.setAttribute("aria-busy", false);
  }
});

let answered = 0;
const ofForm = (act) => (event) => {
  const form = event.detail.requestConfig.elt; // detail.elt is what took its place
  if (form instanceof HTMLFormElement) act(form, event);
};
on(
  "htmx:beforeRequest",
  ofForm((form, event) => {
    // The second half of a double click lands on the fresh form of the first.
    if (form.id === "composer" && Date.now() - answered < 1000) return event.preventDefault();
    form.setAttribute("aria-busy", true);
  }),
);
on(
  "htmx:afterRequest",
  ofForm((form, { detail: { xhr, requestConfig } }) => {
    form.setAttribute("aria-busy", false);
    if (form.id !== "composer") return;
    if (xhr.getResponseHeader("HX-Redirect")) return; // to the sign-in: the draft waits
    if (xhr.status === 200 && requestConfig.triggeringEvent.submitter?.id === "generate") {
      answered = Date.now();
      sessionStorage.removeItem("draft");
    } else if (xhr.status === 413) toast(gettext("What you chose is too large to be sent. Choose a smaller image."));
    else if (xhr.status === 403) toast(gettext("This page was open for too long. Load it again: your prompt stays."));
    else if (xhr.status !== 200 && xhr.status !== 422) toast(gettext("That did not get through. Nothing you typed is lost: try again."));
  }),
);
on("htmx:sendError", ({ detail }) => {
  if (!isPolling(detail.elt)) toast(gettext("The studio cannot be reached. Nothing you typed is lost."));
});

// Copying, the theme, sending by keys; every other key is in keys.js.

on("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    toast(gettext("Copied."));
  } catch {
    toast(gettext("The browser did not allow copying."));
  }
});

on("submit", (event) => {
  const { submitter, target } = event;
  if (!target.matches("[data-theme-form]") || !submitter) return;
  event.preventDefault();
  if (submitter.value === "system") delete root.dataset.theme;
  else root.dataset.theme = submitter.value;
  for (const button of $$("button", target)) button.setAttribute("aria-pressed", button === submitter);
  const body = new FormData(target, submitter);
  fetch(target.action, { method: "POST", body, redirect: "manual" });
}, true);

on("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest?.("#composer");
    const button = form?.querySelector("#generate");
    if (form?.ariaBusy !== "true" && !button?.disabled) form?.requestSubmit(button);
  }
});

// Whatever arrives, with the page or later.

function dress(announce) {
  localTimes();
  $$("[data-counter]").forEach(count);
  for (const card of $$("[data-status]")) watch(card, announce);
}

recallChosen();
recallDraft();
dress(false);
on("htmx:afterSettle", () => dress(true));
on("htmx:oobAfterSwap", () => dress(true));
