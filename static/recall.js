// The team's prompts in the composer: Alt+Up and Alt+Down walk through them, the field under it searches them.
// Nothing here is needed: the page of prompts has a link into the composer for each.

const box = () => document.querySelector("#composer textarea[name=prompt]");
const base = () => document.querySelector("#composer input[name=base]");
const field = () => document.getElementById("recall");
const list = () => document.getElementById("recall-list");

// Take a prompt, and what it is edited from; whoever listens to the box hears of it.
function take(text, id) {
  const target = box();
  target.value = text;
  if (base()) base().value = id;
  target.dispatchEvent(new Event("input", { bubbles: true }));
  target.dispatchEvent(new Event("recalled"));
}

async function fetchOptions(query) {
  const address = document.querySelector("[data-recall]").dataset.recall;
  const answer = await fetch(`${address}?${new URLSearchParams(query)}`, { headers: { "HX-Request": "true" } });
  if (answer.status !== 200) throw new Error(`${answer.status}`);
  return answer.text();
}

const parsed = (html) => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("[data-prompt]")];

// Walking: place -1 is what was being written, 0 the newest prompt of the team.

const walk = { place: -1, prompts: [], draft: "", base: "", isAtEnd: false, isBusy: false };

function forget() {
  Object.assign(walk, { place: -1, prompts: [], isAtEnd: false });
}

async function more() {
  const last = walk.prompts.at(-1);
  const found = parsed(await fetchOptions(last ? { before: last.id } : {}));
  walk.prompts.push(...found.map(({ dataset }) => ({ id: dataset.prompt, text: dataset.text })));
  walk.isAtEnd = found.length === 0;
}

async function step(by) {
  if (walk.isBusy) return;
  walk.isBusy = true;
  try {
    if (walk.place === -1) Object.assign(walk, { draft: box().value, base: base()?.value ?? "" });
    let place = walk.place + by;
    if (place < -1) return;
    if (place >= walk.prompts.length && !walk.isAtEnd) await more();
    // What stands there already is no step.
    if (walk.place === -1 && by > 0 && walk.prompts[place]?.text === walk.draft) place += 1;
    if (place >= walk.prompts.length) return say(gettext("That was the team's first prompt."));
    walk.place = place;
    const prompt = walk.prompts[place] ?? { text: walk.draft, id: walk.base };
    walk.isTaking = true;
    take(prompt.text, prompt.id);
    walk.isTaking = false;
    say(place === -1 ? gettext("Your own words.") : gettext("Prompt {number} of the team.", { number: place + 1 }));
  } catch {
    say(gettext("The team's prompts cannot be reached."));
  } finally {
    walk.isBusy = false;
  }
}

function say(text) {
  const place = document.getElementById("recall-said");
  if (place) place.textContent = text;
}

// Searching: a combobox whose list is drawn by the server.

let timer;
let latest = 0;

function close() {
  list()?.setAttribute("hidden", "");
  field()?.setAttribute("aria-expanded", "false");
  field()?.removeAttribute("aria-activedescendant");
}

async function search() {
  const number = ++latest;
  let html;
  try {
    html = await fetchOptions({ q: field().value });
  } catch {
    return say(gettext("The team's prompts cannot be reached."));
  }
  if (number !== latest || document.activeElement !== field()) return;
  list().innerHTML = html;
  list().removeAttribute("hidden");
  field().setAttribute("aria-expanded", "true");
  field().removeAttribute("aria-activedescendant");
  say(gettext("Prompts found: {count}", { count: options().length }));
}

const options = () => [...list().querySelectorAll("[data-prompt]")];
const active = () => options().find((option) => option.getAttribute("aria-selected") === "true");

function mark(option) {
  for (const other of options()) other.setAttribute("aria-selected", other === option);
  field().setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function choose(option) {
  take(option.dataset.text, option.dataset.prompt);
  field().value = "";
  close();
  box().focus();
}

function move(by) {
  const found = options();
  if (list().hidden || !found.length) return search();
  const at = found.indexOf(active());
  mark(found[at === -1 ? (by > 0 ? 0 : found.length - 1) : (at + by + found.length) % found.length]);
}

document.addEventListener("keydown", (event) => {
  if (event.target === box() && event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    step(event.key === "ArrowUp" ? 1 : -1);
  }
  if (event.target !== field()) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault(); // it is a field of the composer: Enter must not send it
    if (!list().hidden && active()) choose(active());
  } else if (event.key === "Escape" && !list().hidden) {
    event.preventDefault();
    close();
  }
});
document.addEventListener("input", (event) => {
  if (event.target === box() && !walk.isTaking) forget();
  if (event.target !== field()) return;
  clearTimeout(timer);
  timer = setTimeout(search, 200);
});
document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest?.("#recall-list [data-prompt]");
  if (!option) return;
  event.preventDefault(); // the field keeps the focus until it is chosen
  choose(option);
});
document.addEventListener("focusout", (event) => event.target === field() && close());
