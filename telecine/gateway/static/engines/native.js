/** A file that the browser plays by itself. */
import { Engine, Unplayable } from "./engine.js";

export class NativeEngine extends Engine {
  async start() {
    this.name = "the browser";
    this.failed = () => this.onError(new Unplayable("This browser can't play the file.", this.video.error?.message));
    this.video.addEventListener("error", this.failed);
    const known = new Promise((resolve) => this.video.addEventListener("loadedmetadata", resolve, { once: true }));
    this.video.src = this.source.url;
    await known;
  }
  destroy() {
    this.video.removeEventListener("error", this.failed);
    this.video.removeAttribute("src");
    this.video.load();
  }
}
