/** Pieces taken by mouse, pen or finger. Rule: what a drag does, a tap on the piece and one on its place do too. */
import { SLACK, keepStill } from './pointer.js';

/**
 * @param {Element} layer what lies on the background
 * @param {Element} tray
 * @param {{view: Object, take: (index: number) => void, place: () => number[]|null, lay: (at: number[], name?: string) => void,
 *   done: (moved: boolean) => void, undo: () => void}} hand `take` chooses a piece, `place` is where it lies,
 *   `lay` puts it somewhere, or away beyond the background; moves of one name are undone together
 */
export function carry(layer, tray, hand) {
  let held = null;
  let count = 0;

  function down(event) {
    if (event.button !== 0 || !event.isPrimary) return;
    const piece = event.target.closest('[data-piece]');
    if (piece) hand.take(Number(piece.dataset.piece));
    // A piece in the hand does not pan the picture.
    if (piece) event.preventDefault();
    const [x, y] = hand.view.toPicture(event.clientX, event.clientY);
    const lies = piece && layer.contains(piece) ? hand.place() : null;
    // A piece that lies is held where it was taken, one from the tray by its middle.
    const grip = lies ? [lies[0] - x, lies[1] - y] : [0, 0];
    count += 1;
    held = { piece, grip, on: event.currentTarget, x: event.clientX, y: event.clientY, dragged: false };
    held.on.setPointerCapture(event.pointerId);
  }

  function move(event) {
    if (!held) return;
    const slipped = Math.hypot(event.clientX - held.x, event.clientY - held.y);
    held.dragged ||= slipped >= (SLACK[event.pointerType] ?? SLACK.mouse);
    if (!held.dragged || !held.piece) return;
    const at = hand.view.toPicture(event.clientX, event.clientY).map((to, axis) => to + held.grip[axis]);
    hand.lay(at, `carry ${count}`);
  }

  function up(event) {
    const done = held;
    held = null;
    if (!done) return;
    const tapped = !done.dragged && !done.piece && done.on === layer;
    if (tapped) hand.lay(hand.view.toPicture(event.clientX, event.clientY));
    hand.done(tapped || Boolean(done.dragged && done.piece));
  }

  function cancel() {
    if (held?.dragged && held.piece) hand.undo();
    held = null;
  }

  const heard = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel };
  for (const area of [layer, tray]) {
    for (const [name, act] of Object.entries(heard)) area.addEventListener(name, act);
    keepStill(area, () => Boolean(held?.piece));
  }
}
