/**
 * Keys of protected streams come from the gateway, to whoever sends the token that this page was given.
 *
 * Playlists name the gateway as it was called when they were made. The page asks the one it was opened from, which has
 * the keys whatever it is called now; so the token never leaves this origin.
 */
export class Access {
  /** @param {string|null} token @param {string} partition */
  constructor(token, partition) {
    this.token = token;
    this.places = [`/keys/${partition}/`, `/licence/${partition}`];
    this.licence = `${location.origin}/licence/${partition}`;
  }
  /** Where to ask instead, and with which headers; null for what isn't the gateway's. */
  for(url) {
    const { pathname } = new URL(url, location.href);
    if (!this.places.some((place) => pathname.startsWith(place))) return null;
    return { url: location.origin + pathname, headers: this.token ? { Authorization: `Bearer ${this.token}` } : {} };
  }
}
