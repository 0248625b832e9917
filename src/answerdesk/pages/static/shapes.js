/**
 * How a mark is drawn and grasped: points, boxes and polygons alike are lists of vertices.
 * Rule: drawn in shares of the picture, so that no zoom and no screen moves a mark; outlines with a halo, never filled.
 */
import { h } from './dom.js';

/**
 * `half`: a point is the middle of its pixel, a box's corner lies between pixels.
 * `corners`: what can be grasped, as the vertex that gives x and the one that gives y.
 */
export const SHAPES = {
  point: { half: 0.5, corners: () => [[0, 0]], draw: drawPoint },
  box: { half: 0, corners: () => [[0, 0], [1, 0], [0, 1], [1, 1]], draw: drawBox },
  polygon: { half: 0.5, corners: (mark) => mark.map((_, k) => [k, k]), draw: drawPolygon },
};

const share = (at, size) => `${(at / size) * 100}%`;
/** Where a vertex is; `on` is the picture: its width, height and the half pixel of its marks. */
const placed = ([x, y], on) => [share(x + on.half, on.width), share(y + on.half, on.height)];
/** Draws twice: the halo below, the line above. */
const twice = (draw) => [draw('mark halo'), draw('mark line')];

function ring(vertex, on, r) {
  const [cx, cy] = placed(vertex, on);
  return twice((layer) => h('svg:circle', { cx, cy, r, class: layer }));
}

/** A number beside the mark, but never outside the picture. */
function number(vertex, on, text, dx, dy) {
  const [x, y] = placed(vertex, on);
  const across = vertex[0] > on.width * 0.93 ? { dx: -dx, 'text-anchor': 'end' } : { dx };
  return h('svg:text', { x, y, ...across, dy: vertex[1] < on.height * 0.08 ? 18 : dy, class: 'mark-number' }, text);
}

function drawPoint([vertex], on, text) {
  return [ring(vertex, on, 9), ring(vertex, on, 0.5), number(vertex, on, text, 12, -8)];
}

function drawBox([first, second], on, text = '') {
  const low = [Math.min(first[0], second[0]), Math.min(first[1], second[1])];
  const size = [Math.abs(first[0] - second[0]), Math.abs(first[1] - second[1])];
  const [x, y] = placed(low, on);
  const at = { x, y, width: share(size[0], on.width), height: share(size[1], on.height) };
  return [twice((layer) => h('svg:rect', { ...at, class: layer })), text && number(low, on, text, 3, -6)];
}

/** A line through vertices: drawn in the picture's own pixels, its stroke in the screen's. */
function line(vertices, on, end) {
  const d = `M${vertices.map(([x, y]) => `${x + on.half} ${y + on.half}`).join('L')}${end}`;
  const box = { viewBox: `0 0 ${on.width} ${on.height}`, preserveAspectRatio: 'none', width: '100%', height: '100%' };
  return h('svg:svg', box, twice((layer) => h('svg:path', { d, class: layer })));
}

function drawPolygon(mark, on, text) {
  return [line(mark, on, 'Z'), mark.map((vertex) => ring(vertex, on, 2)), number(mark[0], on, text, 8, -8)];
}

/** Draws what is not finished: the first corner of a box, or an open outline, up to the cross-hair. */
export function drawDraft(mode, draft, cursor, on) {
  if (!draft.length) return null;
  if (mode === 'box') return h('svg:g', { class: 'draft' }, drawBox([draft[0], cursor], on), ring(draft[0], on, 2));
  const [first, ...others] = draft;
  const rings = [ring(first, on, 7), others.map((vertex) => ring(vertex, on, 2))];
  return h('svg:g', { class: 'draft' }, line([...draft, cursor], on, ''), rings);
}

/** Draws the cross-hair over the whole picture. */
export function drawCursor(cursor, on) {
  const [x, y] = placed(cursor, on);
  const lines = [{ x1: x, y1: 0, x2: x, y2: '100%' }, { x1: 0, y1: y, x2: '100%', y2: y }];
  return h('svg:g', { class: 'cursor' }, lines.map((at) => twice((layer) => h('svg:line', { ...at, class: layer }))));
}
