/** Pictures along the seek bar: a WebVTT file whose cues name regions of sprite sheets ("sheet.jpg#xywh=0,0,160,90"). */

const CUE = /([\d:.]+)\s+-->\s+([\d:.]+)[^\n]*\n([^\n]*?)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)/g;

const seconds = (clock) => clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);

/** All tiles of a WebVTT text; addresses are relative to `base`. */
export function parseStoryboard(text, base) {
  return [...text.replaceAll("\r", "").matchAll(CUE)].map(([, start, end, sheet, x, y, width, height]) => ({
    start: seconds(start), end: seconds(end), sheet: new URL(sheet, base).href, x: +x, y: +y, width: +width, height: +height,
  }));
}

export async function loadStoryboard(url) {
  const answer = await fetch(url);
  return answer.ok ? parseStoryboard(await answer.text(), url) : [];
}

export class Preview {
  /** @param {{bubble: HTMLElement, tile: HTMLElement, time: HTMLElement}} parts */
  constructor(parts) {
    Object.assign(this, parts);
    this.tiles = [];
  }
  /** Show what lies at `at` seconds over a point `x` pixels from the left of a bar `width` pixels wide. */
  show(at, clock, x, width) {
    const found = this.tiles.find((t) => at >= t.start && at < t.end);
    const { style } = this.tile;
    style.display = found ? "block" : "none";
    if (found) {
      style.width = `${found.width}px`;
      style.height = `${found.height}px`;
      style.backgroundImage = `url("${found.sheet}")`;
      style.backgroundPosition = `-${found.x}px -${found.y}px`;
    }
    this.time.textContent = clock;
    this.bubble.hidden = false;
    const half = this.bubble.offsetWidth / 2;
    this.bubble.style.left = `${Math.max(0, Math.min(x - half, width - 2 * half))}px`;
  }
  hide() { this.bubble.hidden = true; }
}
