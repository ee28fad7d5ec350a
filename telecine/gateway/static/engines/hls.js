/** HLS through hls.js: https://github.com/video-dev/hls.js/blob/master/docs/API.md */
import { Engine, Unplayable, httpSentence, loadScript, rungLabel, trackLabel } from "./engine.js";

export class HlsEngine extends Engine {
  async start() {
    await loadScript(this.library);
    const { Hls } = window;
    if (!Hls.isSupported()) throw new Unplayable("This browser has no Media Source Extensions, which hls.js needs.");
    this.name = `hls.js ${Hls.version}`;
    const hls = this.hls = new Hls({
      backBufferLength: 30,
      emeEnabled: true,
      drmSystems: { "org.w3.clearkey": { licenseUrl: this.access.licence } },
      pLoader: withoutIdentity(Hls.DefaultConfig.loader),
      xhrSetup: (xhr, url) => this.#ask(xhr, "GET", url),
      licenseXhrSetup: (xhr, url) => this.#ask(xhr, "POST", url),
    });
    let mended = false;
    hls.on(Hls.Events.ERROR, (_, data) => {
      // It would try every rung in turn; the gateway refuses all of them alike.
      const refused = data.details === "keyLoadError" && data.response?.code >= 400 && data.response.code < 500;
      if (!data.fatal && !refused) return;
      if (data.type === "mediaError" && data.details !== "manifestIncompatibleCodecsError" && !mended) {
        mended = true;
        hls.recoverMediaError();
        return;
      }
      this.onError(unplayable(data, this.source.url));
    });
    for (const event of ["LEVEL_SWITCHED", "AUDIO_TRACKS_UPDATED", "SUBTITLE_TRACKS_UPDATED"]) {
      hls.on(Hls.Events[event], () => this.onChange());
    }
    const parsed = new Promise((resolve) => hls.once(Hls.Events.MANIFEST_PARSED, resolve));
    hls.loadSource(this.source.url);
    hls.attachMedia(this.video);
    await parsed;
    hls.subtitleTrack = -1;
  }
  rungs() {
    return this.hls.levels.map((level, id) => {
      const rung = { id, width: level.width, height: level.height, bps: level.averageBitrate || level.bitrate };
      return { ...rung, label: rungLabel(rung) };
    });
  }
  rung() { return this.hls.currentLevel >= 0 ? this.hls.currentLevel : null; }
  setRung(id) { this.hls.nextLevel = id ?? -1; }
  sounds() { return this.hls.audioTracks.map((t, n) => ({ id: n, label: trackLabel(t.lang, t.name, n) })); }
  sound() { return this.hls.audioTrack; }
  setSound(id) { this.hls.audioTrack = id; }
  captions() { return this.hls.subtitleTracks.map((t, n) => ({ id: n, label: trackLabel(t.lang, t.name, n) })); }
  caption() { return this.hls.subtitleTrack >= 0 ? this.hls.subtitleTrack : null; }
  setCaption(id) {
    this.hls.subtitleDisplay = id !== null;
    this.hls.subtitleTrack = id ?? -1;
  }
  bandwidth() { return this.hls.bandwidthEstimate; }
  destroy() { this.hls?.destroy(); }

  #ask(xhr, method, url) {
    const how = this.access.for(url);
    if (!how) return;
    xhr.open(method, how.url, true);
    for (const [name, value] of Object.entries(how.headers)) xhr.setRequestHeader(name, value);
  }
}

/**
 * A playlist loader that leaves SAMPLE-AES keys of the format "identity" out: hls.js would take them for those of
 * MPEG-TS, which it decrypts itself, and not look at the clear-key offer beside them.
 */
const withoutIdentity = (Loader) => class extends Loader {
  load(context, config, callbacks) {
    const onSuccess = (response, ...rest) => {
      if (typeof response.data === "string") {
        response.data = response.data.replace(/^#EXT-X-KEY:METHOD=SAMPLE-AES,(?=.*KEYFORMAT="identity").*\n/gm, "");
      }
      callbacks.onSuccess(response, ...rest);
    };
    super.load(context, config, { ...callbacks, onSuccess });
  }
};

const WHAT = { manifest: "the stream", level: "a playlist", audioTrack: "a playlist", subtitleTrack: "a playlist", frag: "a segment", key: "the key" };

function unplayable(data, url) {
  const details = `${data.details}: ${data.error?.message ?? ""} ${data.url ?? data.frag?.url ?? ""}`;
  const [, subject, fault] = /^([a-z]+(?:Track)?)(Load(?:Error|TimeOut))$/.exec(data.details) ?? [];
  if (fault === "LoadTimeOut") return new Unplayable(`${WHAT[subject] ?? "A file"} did not arrive in time.`, details);
  if (fault) return new Unplayable(httpSentence(data.response?.code, data.url ?? url, WHAT[subject] ?? "a file"), details);
  if (data.details === "manifestParsingError") return new Unplayable("What lies at this address is no HLS playlist.", details);
  if (data.details === "manifestIncompatibleCodecsError" || data.details === "bufferAddCodecError") {
    return new Unplayable("This browser can't decode the stream's codecs.", details);
  }
  if (data.type === "keySystemError") return new Unplayable("The stream is protected, and no key for it could be had.", details);
  if (data.type === "mediaError") return new Unplayable("This browser can't decode the stream.", details);
  return new Unplayable("The stream can't be played.", details);
}
