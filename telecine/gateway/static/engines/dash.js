/** DASH through dash.js: https://dashif.org/dash.js/ */
import { Engine, Unplayable, httpSentence, loadScript, rungLabel, trackLabel } from "./engine.js";

const JUST_S = 5; // captions that were chosen longer ago have been loaded, or are being

export class DashEngine extends Engine {
  async start() {
    await loadScript(this.library);
    const { dashjs } = window;
    if (!dashjs.supportsMediaSource()) throw new Unplayable("This browser has no Media Source Extensions, which dash.js needs.");
    const player = this.dash = dashjs.MediaPlayer().create();
    this.name = `dash.js ${player.getVersion()}`;
    player.initialize();
    player.updateSettings({ debug: { logLevel: 0 }, streaming: { text: { defaultEnabled: false } } });
    const keys = this.access.for(this.access.licence);
    player.setProtectionData({ "org.w3.clearkey": { serverURL: keys.url, httpRequestHeaders: keys.headers } });
    const { events } = dashjs.MediaPlayer;
    player.on(events.ERROR, ({ error }) => this.onError(unplayable(error, this.source.url)));
    for (const event of ["QUALITY_CHANGE_RENDERED", "TRACK_CHANGE_RENDERED", "TEXT_TRACKS_ADDED"]) {
      player.on(events[event], () => this.onChange());
    }
    const ready = new Promise((resolve) => player.on(events.STREAM_INITIALIZED, resolve));
    this.video.addEventListener("seeked", this.#afterSeeking);
    player.attachView(this.video);
    player.setAutoPlay(false);
    player.attachSource(this.source.url);
    await ready;
  }
  rungs() {
    return this.dash.getRepresentationsByType(this.#main()).map((r) => {
      const rung = { id: r.index, width: r.width, height: r.height, bps: r.bandwidth };
      return { ...rung, label: rungLabel(rung) };
    });
  }
  rung() { return this.dash.getCurrentRepresentationForType(this.#main())?.index ?? null; }
  setRung(id) {
    const type = this.#main();
    this.dash.updateSettings({ streaming: { abr: { autoSwitchBitrate: { [type]: id === null } } } });
    if (id !== null) this.dash.setRepresentationForTypeByIndex(type, id, true); // what is buffered too
  }
  sounds() { return this.#tracks("audio"); }
  sound() { return this.#chosen("audio"); }
  setSound(id) { this.dash.setCurrentTrack(this.dash.getTracksFor("audio")[id]); }
  captions() { return this.#tracks("text"); }
  caption() { const now = this.dash.getCurrentTextTrackIndex(); return now >= 0 ? now : null; }
  setCaption(id) {
    this.dash.setTextTrack(id ?? -1);
    this.#chosenAt = id === null ? -Infinity : performance.now();
  }
  bandwidth() { return (this.dash.getAverageThroughput("video") || this.dash.getAverageThroughput("audio")) * 1000 || 0; }
  destroy() {
    this.video.removeEventListener("seeked", this.#afterSeeking);
    this.dash?.destroy();
  }

  #chosenAt = -Infinity;
  /** A jump ends the loading of captions that were chosen just before it, so they are chosen again. */
  #afterSeeking = () => {
    const id = this.caption();
    if (id === null || performance.now() - this.#chosenAt > JUST_S * 1000) return;
    this.dash.setTextTrack(-1);
    this.dash.setTextTrack(id);
  };

  /** What rungs are of: the picture, or the sound where there is none. */
  #main() { return this.dash.getTracksFor("video").length ? "video" : "audio"; }

  #tracks(type) {
    return this.dash.getTracksFor(type).map((t, n) => ({ id: n, label: trackLabel(t.lang, t.labels?.[0]?.text, n) }));
  }
  #chosen(type) {
    const now = this.dash.getCurrentTrackFor(type);
    return now ? this.dash.getTracksFor(type).findIndex((t) => t.index === now.index) : null;
  }
}

// Codes: https://cdn.dashjs.org/latest/jsdoc/module-Errors.html
function unplayable(error, url) {
  const details = `${error.code}: ${error.message}`;
  const status = error.data?.response?.status ?? error.data?.status;
  if (error.code === 25) return new Unplayable(httpSentence(status, url, "the stream"), details);
  if (error.code === 27 || error.code === 28) return new Unplayable(httpSentence(status, url, "a segment"), details);
  if (error.code === 10 || error.code === 11) return new Unplayable("What lies at this address is no DASH manifest.", details);
  if (error.code >= 100 && error.code < 200) return new Unplayable("The stream is protected, and no key for it could be had.", details);
  if (error.code === 32) return new Unplayable("This browser can't decode the stream's codecs.", details);
  return new Unplayable("The stream can't be played.", details);
}
