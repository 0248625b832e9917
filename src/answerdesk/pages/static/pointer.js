/**
 * Mouse, pen and finger on a <region-pad>.
 * Rule: everything that a drag does, single taps do too; what a pan or a scroll takes away leaves no mark behind.
 */

/** How near to a mark is on it, and how far a press may slip and be a tap, in pixels of the screen. */
const REACH = { mouse: 11, pen: 16, touch: 22, key: 4, drag: 0 };
export const SLACK = { mouse: 4, pen: 6, touch: 10 };

const distance = (pad, vertex, x, y) => {
  const { half } = pad.on;
  const [atX, atY] = pad.how.view().toScreen(vertex[0] + half, vertex[1] + half);
  return Math.hypot(atX - x, atY - y);
};

/** Whether two places of the picture are one to whoever points at them. */
export function near(pad, at, other, by) {
  const { half } = pad.on;
  const [x, y] = pad.how.view().toScreen(at[0] + half, at[1] + half);
  return distance(pad, other, x, y) <= (REACH[by] ?? REACH.mouse);
}

/** The place under the pointer: the pixel of a point, the nearest corner of pixels for a box. */
function placeOf(pad, event) {
  const at = pad.how.view().toPicture(event.clientX, event.clientY);
  return pad.inside(at.map(pad.on.half ? Math.floor : Math.round));
}

/** The mark under the pointer, and which corner of it. */
function hit(pad, event) {
  if (pad.draft.length) return null;
  const found = pad.marks.flatMap((mark, i) => pad.shape.corners(mark).map(([across, down]) => {
    const far = distance(pad, [mark[across][0], mark[down][1]], event.clientX, event.clientY);
    return { mark: i, across, down, far };
  }));
  const [nearest] = found.sort((a, b) => a.far - b.far);
  return nearest && nearest.far <= (REACH[event.pointerType] ?? REACH.mouse) ? nearest : null;
}

/**
 * Keeps a finger's drag that is ours from becoming the browser's as well: lifted in motion, it would set off a flight
 * that scrolls nothing and takes the next tap to stop.
 * @param {Element} area
 * @param {() => boolean} ours
 */
export function keepStill(area, ours) {
  const still = (event) => { if (event.cancelable && event.touches.length === 1 && ours()) event.preventDefault(); };
  area.addEventListener('touchmove', still, { passive: false });
}

/** Makes a pad listen to pointers. */
export function point(pad) {
  /** What is pressed: where, on which mark, and whether it became a drag. */
  let held = null;
  const draws = pad.how.mode === 'box';

  function down(/** @type {PointerEvent} */ event) {
    if (event.button !== 0 || !event.isPrimary) return;
    pad.toggleAttribute('data-keys', false);
    held = { x: event.clientX, y: event.clientY, hit: hit(pad, event), at: placeOf(pad, event), dragged: false };
    // A claimed press does not pan the picture.
    if (held.hit || draws) event.preventDefault();
    pad.setPointerCapture(event.pointerId);
  }

  function beginDrag() {
    held.dragged = true;
    if (!held.hit && !draws) return;
    pad.remember();
    if (held.hit) pad.selected = held.hit.mark;
    else if (!pad.draft.length) pad.draft = [held.at];
  }

  function move(/** @type {PointerEvent} */ event) {
    const slipped = held && Math.hypot(event.clientX - held.x, event.clientY - held.y);
    if (held && !held.dragged && slipped >= (SLACK[event.pointerType] ?? SLACK.mouse)) beginDrag();
    if (!pad.draft.length && !(held?.dragged && held.hit)) return;
    pad.cursor = placeOf(pad, event);
    if (held?.dragged && held.hit) {
      const mark = pad.marks[held.hit.mark];
      mark[held.hit.across][0] = pad.cursor[0];
      mark[held.hit.down][1] = pad.cursor[1];
    }
    pad.draw();
  }

  function up(/** @type {PointerEvent} */ event) {
    const done = held;
    held = null;
    if (!done) return;
    pad.cursor = placeOf(pad, event);
    if (done.dragged && done.hit) pad.changed();
    else if (done.dragged && draws) pad.how.place(pad.cursor, 'drag');
    else if (!done.dragged && done.hit && !pad.how.single) pad.choose(done.hit.mark === pad.selected ? -1 : done.hit.mark);
    else if (!done.dragged) pad.how.place(pad.cursor, event.pointerType);
    pad.focus({ preventScroll: true });
  }

  function cancel() {
    if (held?.dragged && (held.hit || draws)) pad.undo();
    held = null;
  }

  const heard = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel };
  for (const [name, act] of Object.entries(heard)) pad.addEventListener(name, act);
  // Come closer, a finger moves the picture.
  keepStill(pad, () => draws && Boolean(held) && !pad.closest('[data-zoomed]'));
}
