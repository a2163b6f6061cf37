// Several players by one clock. The clock runs by itself; each player is held to it: gently by its rate while it is
// less than a quarter of a second off, by a seek beyond. While one of them waits for data, the clock waits for it.

const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
const GENTLE = 0.02; // seconds that nobody sees
const FAR = 0.25;
const place = document.querySelector("[data-compare]");
const videos = [...place.querySelectorAll("video")];
const fps = Number(place.dataset.fps);
const find = (selector) => place.querySelector(selector);
const [bar, time, speeds, sounds] = ["[data-position]", "[data-time]", "[data-speed]", "[data-sound]"].map(find);

let at = 0; // seconds on the clock when it last stopped
let since = null; // when it began to run, null while it stands
let rate = 1;
let isPlaying = false;
let isLooping = true;
let lastSound = 0;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const end = (video) => (Number.isFinite(video.duration) ? video.duration : 0);
const length = () => Math.max(...videos.map(end), 0);
const now = () => (since === null ? at : at + ((performance.now() - since) / 1000) * rate);
const words = (seconds) => `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;

function show() {
  const moment = Math.min(now(), length());
  bar.max = length();
  bar.value = moment;
  bar.setAttribute("aria-valuetext", words(moment));
  time.textContent = `${words(moment)} / ${words(length())}`;
  const button = find("[data-press=play]");
  button.ariaLabel = isPlaying ? gettext("Pause") : gettext("Play");
  find("[data-when=paused]").hidden = isPlaying;
  find("[data-when=playing]").hidden = !isPlaying;
}

function stand(moment) {
  at = moment;
  since = null;
}

function run() {
  if (since === null) since = performance.now();
}

function seek(seconds) {
  at = clamp(seconds, 0, length());
  if (since !== null) since = performance.now();
  for (const video of videos) video.currentTime = Math.min(at, end(video));
  show();
}

function play() {
  if (isPlaying) return pause();
  if (now() >= length() - 0.01) seek(0);
  isPlaying = true;
  run();
  requestAnimationFrame(tick);
  show();
}

function pause() {
  stand(Math.min(now(), length()));
  isPlaying = false;
  for (const video of videos) {
    video.pause();
    video.playbackRate = rate;
    video.currentTime = Math.min(at, end(video));
  }
  show();
}

const isOver = (video, moment) => moment >= end(video) - 0.05;
const isWaiting = (video, moment) => !isOver(video, moment) && (video.readyState < 3 || video.seeking);

function hold(video, moment) {
  if (isOver(video, moment)) return video.pause(); // its last picture stays while longer ones go on
  if (video.paused) video.play().catch(() => {}); // a newer seek or pause cut it off: the next tick sees to it
  const ahead = video.currentTime - moment;
  if (Math.abs(ahead) > FAR) video.currentTime = moment;
  else video.playbackRate = Math.abs(ahead) > GENTLE ? rate * (1 - clamp(ahead, -0.1, 0.1)) : rate;
}

function tick() {
  if (!isPlaying) return;
  const moment = now();
  if (moment >= length()) {
    if (!isLooping) return pause();
    seek(0);
  } else if (videos.some((video) => isWaiting(video, moment))) {
    stand(moment);
    for (const video of videos) if (!isWaiting(video, moment)) video.pause();
  } else {
    run();
    for (const video of videos) hold(video, moment);
  }
  show();
  requestAnimationFrame(tick);
}

// The middle of a frame: its beginning may round to the one before.
function frame(by) {
  if (isPlaying) pause();
  seek((Math.floor(now() * fps + 0.01) + by + 0.5) / fps);
}

function setSpeed(value) {
  const moment = now();
  at = moment;
  if (since !== null) since = performance.now();
  rate = value;
  for (const video of videos) video.playbackRate = value;
  speeds.value = String(value);
}

function setSound(index) {
  if (index >= 0) lastSound = index;
  videos.forEach((video, number) => (video.muted = number !== index));
  sounds.value = String(index);
}

const step = (by) => setSpeed(SPEEDS[clamp(SPEEDS.indexOf(rate) + by, 0, SPEEDS.length - 1)]);

const acts = {
  play,
  left: () => seek(now() - 1),
  right: () => seek(now() + 1),
  back: () => seek(now() - 5),
  forward: () => seek(now() + 5),
  "frame-back": () => frame(-1),
  "frame-forward": () => frame(1),
  tenth: (key) => seek((length() * Number(key)) / 10),
  slower: () => step(-1),
  faster: () => step(1),
  loop() {
    isLooping = !isLooping;
    find("[data-press=loop]").setAttribute("aria-pressed", String(isLooping));
  },
  mute: () => setSound(Number(sounds.value) < 0 ? lastSound : -1),
  sound: () => setSound((Number(sounds.value) + 1) % videos.length),
  fullscreen: () => (document.fullscreenElement ? document.exitFullscreen() : place.requestFullscreen()),
};

document.addEventListener("key", (event) => {
  const { action, key } = event.detail;
  if (!acts[action]) return;
  event.preventDefault();
  acts[action](key);
});
bar.addEventListener("input", () => seek(Number(bar.value)));
speeds.addEventListener("change", () => setSpeed(Number(speeds.value)));
sounds.addEventListener("change", () => setSound(Number(sounds.value)));

for (const video of videos) {
  video.controls = false;
  video.preload = "auto";
  video.addEventListener("loadedmetadata", show);
  video.addEventListener("click", play);
}
setSound(-1);
show();
