// What the pages do beyond plain HTML and htmx. Nothing here is needed for the studio to work.

const root = document.documentElement;
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const on = (type, act, capture) => document.addEventListener(type, act, capture);
root.classList.add("js");

// Polling: silent while the tab is hidden, one question on return.

const isPolling = (element) => /\bevery\b/.test(element.getAttribute("hx-trigger") ?? "");

on("htmx:beforeRequest", (event) => {
  if (document.hidden && isPolling(event.detail.elt)) event.preventDefault();
});

on("visibilitychange", () => {
  if (document.hidden) return;
  finished = 0;
  document.title = plainTitle;
  const live = document.querySelector("#live[hx-get]");
  if (live) htmx.ajax("GET", live.getAttribute("hx-get"), { source: live, swap: "none" });
});

// Time: elapsed while something runs, moments in the reader's own zone.

function elapsed(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

function tick() {
  if (document.hidden) return;
  for (const time of $$("time[data-elapsed-since]")) time.textContent = elapsed(time.dataset.elapsedSince);
}
setInterval(tick, 1000);

// The time alone for today, the date alone for another day; all of it on hover.
function localTimes() {
  for (const time of $$("time[data-local]:not([title])")) {
    const moment = new Date(time.dateTime);
    const say = (dateStyle, timeStyle) => moment.toLocaleString(undefined, { dateStyle, timeStyle });
    const isToday = moment.toDateString() === new Date().toDateString();
    const short = isToday ? say(undefined, "short") : say("medium");
    time.textContent = time.dataset.local === "exact" ? say(undefined, "medium") : short;
    time.title = say("full", "long");
  }
}

// Toasts, and word of what became ready.

let finished = 0;
const plainTitle = document.title;

function toast(text, href) {
  const item = document.createElement("div");
  item.className = "toast-item";
  item.append(text);
  if (href) item.append(Object.assign(document.createElement("a"), { href, textContent: "Open" }));
  const area = document.getElementById("toasts");
  while (area.children.length >= 3) area.firstChild.remove();
  area.append(item);
  let timer;
  const leave = () => (timer = setTimeout(() => item.remove(), 8000));
  item.addEventListener("pointerenter", () => clearTimeout(timer));
  item.addEventListener("pointerleave", leave);
  leave();
}

const statuses = new Map();

function watch(card, announce) {
  const before = statuses.get(card.id);
  const now = card.dataset.status;
  statuses.set(card.id, now);
  if (!announce || !before || before === now || !card.dataset.said) return;
  toast(card.dataset.said, location.pathname !== card.dataset.href && card.dataset.href);
  if (document.hidden) document.title = `(${++finished}) ${plainTitle}`;
}

// A clip on a card shows its poster until it is asked to play; without JavaScript it has the browser's controls.

function dressPlayer(button) {
  const video = document.getElementById(button.dataset.play);
  if (video.paused && !video.currentTime) video.controls = false;
}

on("click", ({ target }) => {
  const button = target.closest?.("[data-play]");
  if (!button) return;
  const video = document.getElementById(button.dataset.play);
  button.remove();
  video.controls = true;
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

on("change", ({ target }) => {
  if (target.type !== "file") return;
  const preview = document.getElementById(target.dataset.preview);
  const file = target.files[0];
  if (preview) preview.textContent = file ? `${file.name}, ${(file.size / 1e6).toFixed(1)} MB` : "";
});

// A question about another model's options carries no file.
on("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") return;
  for (const [name, value] of [...detail.formData.entries()]) if (value instanceof File) detail.formData.delete(name);
});

// One request for one press, and the button again whatever the answer was. htmx forms disable theirs by hx-disabled-elt.

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
const ofForm = (act) => ({ detail }) => detail.elt instanceof HTMLFormElement && act(detail.elt, detail);
on("htmx:beforeRequest", ofForm((form) => form.setAttribute("aria-busy", true)));
on(
  "htmx:afterRequest",
  ofForm((form, { successful, xhr }) => {
    form.setAttribute("aria-busy", false);
    if (form.id !== "composer") return;
    if (successful) sessionStorage.removeItem("draft");
    else if (xhr.status !== 422) toast("That did not get through. Nothing you typed is lost: try again.");
  }),
);
on("htmx:sendError", ({ detail }) => {
  if (!isPolling(detail.elt)) toast("The studio cannot be reached. Nothing you typed is lost.");
});

// Copying, the theme, keys.

on("click", async ({ target }) => {
  const button = target.closest?.("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    toast("Copied.");
  } catch {
    toast("The browser did not allow copying.");
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
    if (form?.ariaBusy !== "true") form?.requestSubmit(form.querySelector("[data-generate]"));
  }
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.querySelector("input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
  }
});

// Whatever arrives, with the page or later.

function dress(announce) {
  localTimes();
  $$("[data-counter]").forEach(count);
  $$("[data-play]").forEach(dressPlayer);
  for (const card of $$("[data-status]")) watch(card, announce);
}

recallDraft();
dress(false);
on("htmx:afterSettle", () => dress(true));
on("htmx:oobAfterSwap", () => dress(true));
