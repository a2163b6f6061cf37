// Keys. What is listened to is exactly what the sheet behind "?" lists; both come from generations/keys.py.
// A page acts on `key` events ({ action, key }) and cancels those it took; whatever is left presses the button or link
// that is marked with data-act. A button with data-press stands for the key of that action.

const sheet = document.getElementById("keys");
const bindings = [...(sheet?.querySelectorAll("[data-keys]") ?? [])].map(({ dataset }) => ({
  place: dataset.placeOfKey,
  action: dataset.action,
  keys: JSON.parse(dataset.keys),
}));

const WRITES = "input:not([type=checkbox], [type=radio], [type=range], [type=submit], [type=button]), textarea, select, [contenteditable]";
// What uses these keys itself while it has the focus.
const OWN = { " ": "button, a, summary, input, [role=button]", ArrowLeft: "input", ArrowRight: "input" };

const isHere = (place) => place === "everywhere" || document.querySelector(`[data-place~="${place}"]`) !== null;

function act(action, key) {
  const event = new CustomEvent("key", { detail: { action, key }, cancelable: true });
  if (!document.dispatchEvent(event)) return true;
  const marked = [...document.querySelectorAll(`[data-act~="${action}"]`)].find((one) => one.checkVisibility());
  marked?.click();
  return Boolean(marked);
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  const isWritten = event.getModifierState("AltGraph"); // "[" on many keyboards
  if (event.defaultPrevented || event.isComposing || ((event.ctrlKey || event.metaKey || event.altKey) && !isWritten)) return;
  if (target.closest?.(WRITES) || (OWN[key] && target.closest?.(OWN[key]))) return;
  const binding = bindings.find((one) => one.keys.includes(key) && isHere(one.place));
  if (binding && act(binding.action, key)) event.preventDefault();
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-press]");
  if (button) act(button.dataset.press, "");
});

const everywhere = {
  keys: () => sheet.togglePopover(),
  search() {
    const search = document.querySelector("input[type=search]");
    if (!search) return location.assign("/generations/#search");
    search.focus();
    search.select();
  },
  compose() {
    const box = document.querySelector("#composer textarea[name=prompt]");
    if (box) box.focus();
    else location.assign("/#compose");
  },
};

document.addEventListener("key", (event) => {
  const done = everywhere[event.detail.action];
  if (done && done() !== false) event.preventDefault();
});

// Where a key led from another page.
const led = location.hash.slice(1);
if (led === "search" || led === "compose") {
  everywhere[led]();
  history.replaceState(history.state, "", location.pathname + location.search);
}
