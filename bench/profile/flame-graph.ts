import type { Frame } from './cpu-profile.ts';

const WIDTH = 1_600;
const ROW = 17;
/** Narrower than that, in pixels, is not drawn. */
const LEAST = 2;
/** Characters that fit into a pixel. */
const DENSITY = 1 / 6.6;

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The call tree as an SVG: the width is time, callers are above what they call; a tooltip names each box whole. */
export function flameGraph(top: Frame): string {
  const boxes: string[] = [];
  let deepest = 0;

  function draw(frame: Frame, x: number, depth: number): void {
    const width = (frame.total / top.total) * WIDTH;
    if (width < LEAST) return;
    deepest = Math.max(deepest, depth);
    const share = ((frame.total / top.total) * 100).toFixed(1);
    const own = ((frame.self / top.total) * 100).toFixed(1);
    const label = frame.name.slice(0, Math.max(0, Math.floor(width * DENSITY) - 1));
    boxes.push(
      `<g><title>${escape(frame.name)}: ${share} %, itself ${own} %</title>` +
        `<rect x="${x.toFixed(1)}" y="${String(depth * ROW)}" width="${width.toFixed(1)}" height="${String(ROW - 1)}" fill="${colourOf(frame.name)}"/>` +
        `<text x="${(x + 3).toFixed(1)}" y="${String(depth * ROW + 12)}">${escape(label)}</text></g>`,
    );
    let at = x;
    for (const child of merged(frame.children)) {
      draw(child, at, depth + 1);
      at += (child.total / top.total) * WIDTH;
    }
  }
  draw({ ...top, name: 'all' }, 0, 0);
  const height = (deepest + 1) * ROW;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(WIDTH)} ${String(height)}">
<style>text { font: 11px ui-monospace, monospace; fill: #1f2328; } svg { background: #ffffff; }</style>
${boxes.join('\n')}
</svg>
`;
}

/** The same function, called from several places of one caller, is one box. */
function merged(frames: readonly Frame[]): Frame[] {
  const byName = new Map<string, Frame>();
  for (const frame of frames) {
    const known = byName.get(frame.name);
    if (known === undefined) byName.set(frame.name, { ...frame, children: [...frame.children] });
    else {
      known.self += frame.self;
      known.total += frame.total;
      known.children.push(...frame.children);
    }
  }
  return [...byName.values()].sort((a, b) => b.total - a.total);
}

/** Ours, packages, Node and the engine each have a colour. */
function colourOf(name: string): string {
  if (/ src\//.test(name)) return '#f4a259';
  if (/ node:/.test(name)) return '#9bc1bc';
  if (/ \S+:\d+$/.test(name)) return '#f6d98a';
  return '#d0d7de';
}
