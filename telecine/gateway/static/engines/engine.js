/**
 * What every player library is wrapped into, so that the page is the same over all of them.
 *
 * An engine has: start() (a promise that is kept once there is something to choose), rungs(), rung() and setRung(id or
 * null for automatic), sounds(), sound() and setSound(id), captions(), caption() and setCaption(id or null),
 * bandwidth() in bits per second, destroy(). A choice is {id, label}; a rung also has width, height and bps.
 * Whatever goes wrong for good is told to onError once, as an Unplayable.
 */

/** A reason for a person, and details for an engineer. */
export class Unplayable extends Error {
  constructor(sentence, details = "") {
    super(sentence);
    this.details = details;
  }
}

export class Engine {
  /**
   * @param {HTMLVideoElement} video
   * @param {{protocol: string, url: string}} source
   * @param {{library: string, access: Access, onError: (error: Unplayable) => void, onChange: () => void}} more
   *   library: URL of the player's script; access: how keys are asked for; onChange: the choices, or what is chosen, may be others now.
   */
  constructor(video, source, more) {
    this.video = video;
    this.source = source;
    this.library = more.library;
    this.access = more.access;
    this.onError = more.onError;
    this.onChange = more.onChange;
  }
  rungs() { return []; }
  rung() { return null; }
  setRung() {}
  sounds() { return []; }
  sound() { return null; }
  setSound() {}
  captions() { return []; }
  caption() { return null; }
  setCaption() {}
  bandwidth() { return 0; }
}

/** Run a classic script once. */
export function loadScript(url) {
  const found = document.querySelector(`script[src="${url}"]`);
  if (found) return found.loading;
  const script = Object.assign(document.createElement("script"), { src: url });
  script.loading = new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new Unplayable("The player's script could not be loaded from this gateway.", url));
    };
  });
  document.head.append(script);
  return script.loading;
}

export const rate = (bps) => (bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bps / 1e3)} kbit/s`);

/** "720p, 2.4 Mbit/s": a rung is named by its short side. */
export const rungLabel = ({ width, height, bps }) =>
  [width && height ? `${Math.min(width, height)}p` : "sound only", bps ? rate(bps) : ""].filter(Boolean).join(", ");

/** What a track calls itself; else its language, in the reader's. */
export function trackLabel(language, name, number) {
  if (name && name !== language) return name;
  try {
    if (language && language !== "und") return new Intl.DisplayNames(undefined, { type: "language" }).of(language);
  } catch { /* not a language tag */ }
  return `Track ${number + 1}`;
}

/** What an HTTP status on the way to a stream means, for a person. */
export function httpSentence(status, url, what) {
  const host = hostOf(url);
  if (status === 401) return "The key of this stream is only given to viewers with a token; this page has none that counts.";
  if (status === 403) return `The store refuses to show ${what} (403). Is the output bucket readable by anybody?`;
  if (status === 404) return `There is no ${what} at its address any more (404).`;
  if (status === 429) return "Too many requests in a short time (429): wait a minute.";
  if (status) return `${host} answered ${status} instead of ${what}.`;
  return `${host} does not answer, or doesn't let this page read from it (CORS).`;
}

const hostOf = (url) => { try { return new URL(url, location.href).host; } catch { return "The store"; } };
