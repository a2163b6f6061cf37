// The player of one video: keys, frames, speed, loop, links to a moment, and comments on one.

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const bar = () => document.querySelector("[data-player]");
const video = () => document.getElementById(bar()?.dataset.player);
const toast = (text) => document.dispatchEvent(new CustomEvent("toast", { detail: { text } }));
const words = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;

function seek(seconds) {
  const player = video();
  player.currentTime = Math.min(Math.max(0, seconds), player.duration || 0);
}

// To the middle of a frame: its beginning may round to the one before.
function frame(by) {
  const player = video();
  const fps = Number(bar().dataset.fps);
  player.pause();
  seek((Math.floor(player.currentTime * fps + 0.01) + by + 0.5) / fps);
}

function speed(by) {
  const at = SPEEDS.indexOf(video().playbackRate) + by;
  setSpeed(SPEEDS[Math.min(Math.max(0, at), SPEEDS.length - 1)]);
}

function setSpeed(rate) {
  video().playbackRate = rate;
  bar().querySelector("[data-speed]").value = String(rate);
}

const moment = () => Number(video().currentTime.toFixed(2));

async function copyLink() {
  const url = new URL(location.pathname, location.origin);
  url.searchParams.set("t", moment());
  try {
    await navigator.clipboard.writeText(url.href);
    toast(gettext("Copied a link to {moment}.", { moment: words(moment()) }));
  } catch {
    toast(gettext("The browser did not allow copying: {url}", { url: url.href }));
  }
}

function comment() {
  const at = document.getElementById("comment-at");
  const box = document.getElementById("comment-text");
  video().pause();
  at.value = words(moment());
  box.focus();
  box.scrollIntoView({ block: "nearest" });
}

const acts = {
  play: () => (video().paused ? video().play() : video().pause()),
  left: () => seek(video().currentTime - 1),
  right: () => seek(video().currentTime + 1),
  back: () => seek(video().currentTime - 5),
  forward: () => seek(video().currentTime + 5),
  "frame-back": () => frame(-1),
  "frame-forward": () => frame(1),
  tenth: (key) => seek((video().duration * Number(key)) / 10),
  slower: () => speed(-1),
  faster: () => speed(1),
  loop() {
    video().loop = !video().loop;
    bar().querySelector("[data-press=loop]").setAttribute("aria-pressed", String(video().loop));
  },
  mute: () => (video().muted = !video().muted),
  fullscreen: () => (document.fullscreenElement ? document.exitFullscreen() : video().requestFullscreen()),
  comment,
  "copy-link": copyLink,
};

document.addEventListener("key", (event) => {
  const { action, key } = event.detail;
  if (!acts[action] || !video()) return;
  event.preventDefault();
  acts[action](key);
});

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-player] [data-speed]")) setSpeed(Number(target.value));
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-seek]");
  if (!link || !video()) return;
  event.preventDefault();
  seek(Number(link.dataset.seek));
  video().scrollIntoView({ block: "nearest" });
});

for (const type of ["timeupdate", "seeked", "loadedmetadata"]) {
  document.addEventListener(
    type,
    ({ target }) => {
      if (target === video()) bar().querySelector("[data-time]").textContent = words(target.currentTime);
    },
    true,
  );
}
