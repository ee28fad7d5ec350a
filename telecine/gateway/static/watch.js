/** The player page: controls over one <video>, and a choice of players behind it. */
import { Unplayable, rate } from "./engines/engine.js";
import { DashEngine } from "./engines/dash.js";
import { HlsEngine } from "./engines/hls.js";
import { NativeEngine } from "./engines/native.js";
import { ShakaEngine } from "./engines/shaka.js";
import { Access } from "./access.js";
import { Preview, loadStoryboard } from "./storyboard.js";

const { media, libraries, token } = JSON.parse(document.getElementById("media").textContent);
const at = (id) => document.getElementById(id);
const video = at("video");
const access = new Access(token, media.partition);
const ENGINES = {
  hls: [["hls.js", HlsEngine, libraries.hls], ["shaka-hls", ShakaEngine, libraries.shaka, "Shaka Player, HLS"]],
  dash: [["dash.js", DashEngine, libraries.dash], ["shaka-dash", ShakaEngine, libraries.shaka, "Shaka Player, DASH"]],
  file: [["file", NativeEngine, "", "the browser"]],
};

/** Everything that can play this: {id, label, make}. */
const players = media.sources.flatMap((source) =>
  ENGINES[source.protocol].map(([id, Kind, library, label]) => ({
    id: source.protocol === "file" ? `file:${source.name}` : id,
    label: source.protocol === "file" ? `The file ${source.name}` : label ?? id,
    make: (hooks) => new Kind(video, source, { library, access, ...hooks }),
  })));

let engine = null;
window.telecine = { get engine() { return engine; } }; // for whoever looks in the console

const clock = (seconds) => {
  const whole = Math.max(0, Math.floor((seconds || 0) + 0.05)); // 13.99 s are 14
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return `${h ? `${h}:${String(m).padStart(2, "0")}` : m}:${String(s).padStart(2, "0")}`;
};
const length = () => (Number.isFinite(video.duration) ? video.duration : media.duration_s || 0);

// -- what went wrong

function fail(error) {
  const box = at("error");
  box.textContent = error.message;
  if (error.details) box.append(Object.assign(document.createElement("small"), { textContent: error.details }));
  box.hidden = false;
  at("waiting").hidden = true;
}

// -- choices

function fill(select, choices, chosen, automatic) {
  const wanted = [...(automatic ? [["", automatic]] : []), ...choices.map(({ id, label }) => [String(id), label])];
  const now = [...select.options].map((o) => [o.value, o.text]);
  if (JSON.stringify(now) !== JSON.stringify(wanted)) select.replaceChildren(...wanted.map(([v, t]) => new Option(t, v)));
  select.value = chosen === null ? "" : String(chosen);
}

let wantedRung = null; // null: automatic
function showChoices() {
  if (!engine) return;
  const rungs = engine.rungs();
  fill(at("rung"), rungs, wantedRung, "Automatic");
  at("rung").parentElement.hidden = rungs.length < 2;
  fill(at("sound"), engine.sounds(), engine.sound());
  at("sound").parentElement.hidden = engine.sounds().length < 2;
  fill(at("captions"), engine.captions(), engine.caption(), "Off");
  at("captions").parentElement.hidden = engine.captions().length === 0;
}

const chosen = (select) => (select.value === "" ? null : Number(select.value));
at("rung").addEventListener("change", (e) => engine?.setRung(wantedRung = chosen(e.target)));
at("sound").addEventListener("change", (e) => engine?.setSound(chosen(e.target)));
at("captions").addEventListener("change", (e) => engine?.setCaption(chosen(e.target)));
at("player").addEventListener("change", (e) => {
  const address = new URL(location.href);
  address.searchParams.set("player", e.target.value);
  history.replaceState(null, "", address);
  start(e.target.value, !video.paused);
});

// -- players

let starting = 0; // an older start that ends late changes nothing
async function start(id, go = false) {
  const mine = ++starting;
  const old = engine;
  engine = null;
  wantedRung = null;
  at("error").hidden = true;
  at("waiting").hidden = false;
  for (const name of ["rung", "sound", "captions"]) at(name).parentElement.hidden = true;
  try {
    await old?.destroy();
    const player = players.find((p) => p.id === id);
    const hooks = { onError: (error) => mine === starting && fail(error), onChange: () => mine === starting && showChoices() };
    const next = player.make(hooks);
    const failed = new Promise((_, no) => { next.onError = no; });
    try {
      await Promise.race([next.start(), failed]);
    } catch (error) {
      await next.destroy();
      throw error;
    }
    if (mine !== starting) { await next.destroy(); return; }
    next.onError = hooks.onError;
    engine = next;
    at("stat-engine").textContent = next.name;
    at("waiting").hidden = true;
    showChoices();
    if (go) await video.play();
  } catch (error) {
    if (mine === starting) fail(error instanceof Unplayable ? error : new Unplayable("The stream can't be played.", String(error)));
  }
}

// -- controls

const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());
const jump = (by) => { video.currentTime = Math.min(Math.max(0, video.currentTime + by), length()); };
const full = () => (document.fullscreenElement ? document.exitFullscreen() : at("stage").requestFullscreen?.());
const mute = () => { video.muted = !video.muted; };
const nextCaption = () => {
  const select = at("captions");
  if (!select.options.length) return;
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  select.dispatchEvent(new Event("change"));
};
for (const id of ["begin", "play", "video"]) at(id).addEventListener("click", toggle);
at("mute").addEventListener("click", mute);
at("full").addEventListener("click", full);
at("volume").addEventListener("input", (e) => { video.volume = Number(e.target.value); video.muted = false; });
at("position").addEventListener("input", (e) => { video.currentTime = Number(e.target.value); });

const KEYS = { " ": toggle, k: toggle, ArrowLeft: () => jump(-5), ArrowRight: () => jump(5), m: mute, f: full, c: nextCaption };
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("select")) return;
  if (e.key === " " && e.target.closest("button")) return; // the button's own key
  if (e.key.startsWith("Arrow") && e.target.id === "volume") return;
  const act = KEYS[e.key] ?? KEYS[e.key.toLowerCase()];
  if (act) { e.preventDefault(); act(); }
});

const preview = new Preview({ bubble: at("preview"), tile: at("tile"), time: at("tile-time") });
at("seek").addEventListener("pointermove", (e) => {
  const bar = at("seek").getBoundingClientRect();
  const x = Math.min(Math.max(0, e.clientX - bar.left), bar.width);
  const seconds = (x / bar.width) * length();
  preview.show(seconds, clock(seconds), x, bar.width);
});
at("seek").addEventListener("pointerleave", () => preview.hide());
if (media.storyboard) loadStoryboard(media.storyboard).then((tiles) => { preview.tiles = tiles; }, () => {});

// -- what is shown

function showTime() {
  const [now, all] = [video.currentTime, length()];
  const position = at("position");
  position.max = all;
  if (document.activeElement !== position || !position.matches(":active")) position.value = now;
  position.style.setProperty("--played", `${all ? (100 * now) / all : 0}%`);
  position.setAttribute("aria-valuetext", `${clock(now)} of ${clock(all)}`);
  at("clock").textContent = `${clock(now)} / ${clock(all)}`;
}
function bufferedAhead() {
  for (let n = 0; n < video.buffered.length; n++) {
    if (video.buffered.start(n) <= video.currentTime + 0.1 && video.buffered.end(n) >= video.currentTime) {
      return video.buffered.end(n) - video.currentTime;
    }
  }
  return 0;
}
function showStats() {
  const ahead = bufferedAhead();
  const all = length();
  at("buffered").style.width = `${all ? Math.min(100, (100 * (video.currentTime + ahead)) / all) : 0}%`;
  at("stat-buffered").textContent = `${ahead.toFixed(1)} s ahead`;
  at("stat-picture").textContent = video.videoWidth ? `${video.videoWidth}×${video.videoHeight}` : "none";
  const quality = video.getVideoPlaybackQuality?.();
  at("stat-dropped").textContent = quality ? `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}` : "–";
  if (!engine) return;
  const rung = engine.rungs().find((r) => r.id === engine.rung());
  at("stat-rung").textContent = rung?.label ?? "–";
  at("stat-bandwidth").textContent = engine.bandwidth() ? rate(engine.bandwidth()) : "–";
}
function showState() {
  const button = at("play");
  button.classList.toggle("is-on", !video.paused);
  button.setAttribute("aria-label", video.paused ? "Play" : "Pause");
  at("begin").hidden = !video.paused || video.currentTime > 0;
  at("mute").classList.toggle("is-on", video.muted);
  at("mute").setAttribute("aria-pressed", String(video.muted));
  at("volume").value = video.muted ? 0 : video.volume;
}
for (const event of ["play", "pause", "volumechange", "ended", "emptied"]) video.addEventListener(event, showState);
for (const event of ["timeupdate", "seeking", "durationchange"]) video.addEventListener(event, showTime);
video.addEventListener("waiting", () => { at("waiting").hidden = !at("error").hidden; });
for (const event of ["playing", "seeked", "canplay"]) video.addEventListener(event, () => { at("waiting").hidden = true; });
setInterval(showStats, 500);

fill(at("player"), players, null);
if (players.length) {
  const asked = new URLSearchParams(location.search).get("player");
  const first = players.find((p) => p.id === asked) ?? players[0];
  at("player").value = first.id;
  start(first.id);
} else {
  at("player").parentElement.hidden = true;
  at("begin").hidden = true;
  fail(new Unplayable("There is no stream or file to play among this media file's outputs.", "Its recipe has to ask for `streams` or renditions."));
}
showTime();
showState();
