// Toasts, and word of what became ready: one sentence for all that came at once, a number in the title while nobody
// looks, and, for who asked for it, a notification of the system.

const MOST = 3;
const STAY = 8000;
const on = (type, act) => document.addEventListener(type, act);
const area = () => document.getElementById("toasts");

function leaveLater(item) {
  if (item.hasAttribute("data-stays")) return;
  let timer;
  const leave = () => (timer = setTimeout(() => item.remove(), STAY));
  const stay = () => clearTimeout(timer);
  item.addEventListener("pointerenter", stay);
  item.addEventListener("focusin", stay);
  item.addEventListener("pointerleave", leave);
  item.addEventListener("focusout", leave);
  leave();
}

// What the server put there, with the page or with an answer, leaves like any other.
function dress() {
  for (const item of area().querySelectorAll("[data-toast]")) {
    item.removeAttribute("data-toast");
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "toast-close", textContent: "×", ariaLabel: gettext("Dismiss") });
    close.addEventListener("click", () => item.remove());
    item.append(close);
    leaveLater(item);
  }
  const items = area().children;
  while (items.length > MOST) items[0].remove();
}

// { text, href, label, stays }: said in the corner, with at most one thing to do.
on("toast", ({ detail: { text, href, label = gettext("Open"), stays } }) => {
  const item = document.createElement("div");
  item.className = "toast-item";
  item.toggleAttribute("data-stays", Boolean(stays));
  item.setAttribute("data-toast", "");
  const words = document.createElement("span");
  words.textContent = text;
  item.append(words);
  if (href) item.append(Object.assign(document.createElement("a"), { href, textContent: label }));
  area().append(item);
  dress();
});
on("htmx:oobAfterSwap", dress);
dress();

// News of cards.

let news = [];
let unseen = 0;
let waiting;
const title = () => document.title.replace(/^\(\d+\) /, "");

function showUnseen() {
  document.title = unseen ? `(${unseen}) ${title()}` : title();
}


function summary(items) {
  if (items.length === 1) return items[0].said;
  const count = (status) => items.filter((item) => item.status === status).length;
  const [ready, failed, unknown] = [count("completed"), count("failed"), count("unknown")];
  const parts = [
    ready && (ready === 1 ? gettext("1 video ready") : gettext("{count} videos ready", { count: ready })),
    failed && gettext("{count} failed", { count: failed }),
    unknown && (unknown === 1 ? gettext("1 outcome unknown") : gettext("{count} outcomes unknown", { count: unknown })),
  ];
  return gettext("{news}.", { news: parts.filter(Boolean).join(", ") });
}

function tell() {
  const items = news;
  news = [];
  const text = summary(items);
  const href = items.length === 1 && items[0].href !== location.pathname ? items[0].href : "";
  document.dispatchEvent(new CustomEvent("toast", { detail: { text, href } }));
  if (document.hasFocus() && !document.hidden) return;
  unseen += items.length;
  showUnseen();
  if (isOn()) new Notification("VideoStudio", { body: text, tag: "videostudio-news" });
}

on("news", ({ detail }) => {
  news.push(detail);
  clearTimeout(waiting);
  waiting = setTimeout(tell, 300);
});

const seen = () => {
  if (document.hidden) return;
  unseen = 0;
  showUnseen();
};
addEventListener("focus", seen);
on("visibilitychange", seen);

// Notifications of the system: only after a press of the button, which shows only where the browser has them.

const KEPT = "notify";
const button = document.querySelector("[data-notify]");
const canNotify = "Notification" in window && isSecureContext;
const isOn = () => canNotify && Notification.permission === "granted" && localStorage.getItem(KEPT) === "on";

function showNotify() {
  document.documentElement.dataset.notify = isOn() ? "on" : "off"; // app.js asks on in a hidden tab
  button?.setAttribute("aria-pressed", String(isOn()));
}

if (button && canNotify) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (isOn()) localStorage.setItem(KEPT, "off");
    else if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEPT, "on");
    else document.dispatchEvent(new CustomEvent("toast", { detail: { text: gettext("The browser does not allow notifications here.") } }));
    showNotify();
  });
}
showNotify();
