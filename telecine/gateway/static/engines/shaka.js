/** HLS and DASH through Shaka Player: https://shaka-player-demo.appspot.com/docs/api/shaka.Player.html */
import { Engine, Unplayable, httpSentence, loadScript, rungLabel, trackLabel } from "./engine.js";

const KEEP_S = 4; // of what is buffered when a rung is chosen by hand, so that nothing stops

export class ShakaEngine extends Engine {
  async start() {
    await loadScript(this.library);
    const { shaka } = window;
    shaka.polyfill.installAll();
    if (!shaka.Player.isBrowserSupported()) throw new Unplayable("Shaka Player doesn't support this browser.");
    this.name = `Shaka Player ${shaka.Player.version.replace(/^v/, "")}`;
    const player = this.shaka = new shaka.Player();
    player.addEventListener("error", ({ detail }) => this.onError(unplayable(detail, this.source.url)));
    for (const event of ["adaptation", "variantchanged", "trackschanged", "textchanged"]) {
      player.addEventListener(event, () => this.onChange());
    }
    player.getNetworkingEngine().registerRequestFilter((_, request) => {
      const how = this.access.for(request.uris[0]);
      if (!how) return;
      request.uris = [how.url];
      Object.assign(request.headers, how.headers);
    });
    try {
      await player.attach(this.video);
      await player.load(this.source.url);
    } catch (error) {
      throw unplayable(error, this.source.url);
    }
    player.selectTextTrack(null);
  }
  rungs() {
    return this.#pictures().map((track, id) => {
      const rung = { id, width: track.width, height: track.height, bps: track.bandwidth };
      return { ...rung, label: rungLabel(rung) };
    });
  }
  rung() { return orNull(this.#pictures().findIndex((t) => t.active)); }
  setRung(id) {
    this.shaka.configure("abr.enabled", id === null);
    if (id !== null) this.shaka.selectVideoTrack(this.#pictures()[id], true, KEEP_S);
  }
  sounds() { return choices(this.shaka.getAudioTracks()); }
  sound() { return orNull(this.shaka.getAudioTracks().findIndex((t) => t.active)); }
  setSound(id) { this.shaka.selectAudioTrack(this.shaka.getAudioTracks()[id]); }
  captions() { return choices(this.shaka.getTextTracks()); }
  caption() { return orNull(this.shaka.getTextTracks().findIndex((t) => t.active)); }
  async setCaption(id) {
    const { shaka: player, video } = this;
    player.selectTextTrack(id === null ? null : player.getTextTracks()[id]);
    if (id === null || this.source.protocol !== "hls" || !buffersToTheEnd(video)) return;
    // Of HLS, Shaka Player shows captions once the picture's next segment is appended, and there is none left.
    const { currentTime, paused } = video;
    await player.load(this.source.url, currentTime);
    player.selectTextTrack(player.getTextTracks()[id]);
    if (!paused) await video.play();
  }
  bandwidth() { return this.shaka.getStats().estimatedBandwidth || 0; }
  destroy() { return this.shaka?.destroy(); }

  #pictures() { return this.shaka.getVideoTracks().sort((a, b) => a.bandwidth - b.bandwidth); }
}

const buffersToTheEnd = ({ buffered, duration }) => buffered.length > 0 && buffered.end(buffered.length - 1) > duration - 0.5;
const orNull = (index) => (index < 0 ? null : index);
const choices = (tracks) => tracks.map((t, id) => ({ id, label: trackLabel(t.language, t.label, id) }));

// Codes: https://shaka-player-demo.appspot.com/docs/api/shaka.util.Error.html
function unplayable(error, url) {
  const details = `${error.code ?? ""}: ${error.message ?? error}`;
  const { Category, Code } = window.shaka.util.Error;
  if (error.code === Code.BAD_HTTP_STATUS) {
    return new Unplayable(httpSentence(error.data[1], error.data[0], "a file of the stream"), details);
  }
  if (error.code === Code.HTTP_ERROR || error.code === Code.TIMEOUT) {
    return new Unplayable(httpSentence(0, error.data?.[0] ?? url, "the stream"), details);
  }
  if (error.category === Category.DRM) return new Unplayable("The stream is protected, and no key for it could be had.", details);
  if (error.code === Code.CONTENT_UNSUPPORTED_BY_BROWSER) return new Unplayable("This browser can't decode the stream's codecs.", details);
  if (error.category === Category.MANIFEST) return new Unplayable("What lies at this address is no stream that can be read.", details);
  return new Unplayable("The stream can't be played.", details);
}
