// The library: previews under the pointer or the focus, and selecting. Without it there are links and checkboxes.

const still = matchMedia("(prefers-reduced-motion: reduce)");
const on = (type, act, capture) => document.addEventListener(type, act, capture);
const picks = () => [...document.querySelectorAll("input[name=pick]")];

// One preview at a time: muted, over the poster, gone with the pointer.

let playing = null;

function stop() {
  playing?.remove();
  playing = null;
}

function play(link) {
  if (still.matches || playing?.parentElement === link) return;
  stop();
  playing = Object.assign(document.createElement("video"), {
    className: "tile-preview",
    src: link.dataset.preview,
    muted: true,
    loop: true,
    playsInline: true,
    autoplay: true,
    tabIndex: -1,
  });
  playing.setAttribute("aria-hidden", "true");
  link.append(playing);
  playing.play().catch(() => {}); // taken away before it began
}

const media = (event) => event.target.closest?.("[data-preview]");
on("pointerover", (event) => event.pointerType === "mouse" && media(event) && play(media(event)));
on("pointerout", (event) => {
  const link = media(event);
  if (link && !link.contains(event.relatedTarget)) stop();
});
on("focusin", (event) => (media(event)?.matches(":focus-visible") ? play(media(event)) : stop()));
on("visibilitychange", stop);

// Selecting: Shift takes everything between, Escape lets go, and the bar says how many.

let last = null;

function count() {
  const picked = picks().filter((box) => box.checked);
  const all = document.querySelector("#bulk input[name=all]");
  const words = document.querySelector("[data-picked]");
  if (words) words.textContent = all.checked ? gettext("All that match") : gettext("{count} selected", { count: picked.length });
  document.querySelector("#bulk")?.toggleAttribute("data-open", picked.length > 0);
  const compare = document.querySelector("[data-compare-picks]");
  if (compare) compare.disabled = !all.checked && (picked.length < 2 || picked.length > 4);
}

function clear() {
  for (const box of document.querySelectorAll("input[name=pick]:checked, #bulk input[name=all]:checked")) box.checked = false;
  // The bar stays while it has the focus: back to where it was selected.
  const place = last?.isConnected ? last : picks()[0];
  if (document.querySelector("#bulk")?.contains(document.activeElement)) place?.focus({ preventScroll: true });
  last = null;
  count();
}

on("click", (event) => {
  const box = event.target;
  if (box.matches?.("[data-clear-picks]")) return clear();
  if (!box.matches?.("input[name=pick]")) return;
  const boxes = picks();
  if (event.shiftKey && last?.isConnected) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
    for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
  count();
});
on("change", ({ target }) => target.matches("#bulk input[name=all]") && count());

on("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && event.target.matches?.(".bulk-pair input")) {
    event.preventDefault(); // by itself it would press the first button of the bar
    return event.target.parentElement.querySelector("button").click();
  }
  const typing = event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
  if (typing) return;
  const tile = event.target.closest?.(".tile");
  if (document.querySelector("#bulk-more:popover-open")) return; // Escape closes that first
  if (event.key === "Escape" && picks().some((box) => box.checked)) clear();
  else if (event.key === "x" && tile) tile.querySelector("input[name=pick]").click();
  else if ((event.key === "s" || event.key === ".") && tile) tile.querySelector(".tile-star").click();
});

// What a download answers is no page: the form is free again at once.
on("submit", (event) => {
  if (event.target.id !== "bulk" || event.submitter?.value !== "download") return;
  setTimeout(() => {
    delete event.target.dataset.sent;
    event.target.setAttribute("aria-busy", false);
  }, 1000);
});

on("htmx:afterSettle", count);
count();
