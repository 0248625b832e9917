/** Pauses. Rule: who rests may come back to the task while it lasts; who has gone leaves it to others. */
import { now, post } from './api.js';

/** Stop, and say why; nothing is claimed meanwhile. */
export function pause(loop, why = 'paused', ...kids) {
  if (loop.paused) return;
  loop.paused = true;
  const task = loop.draft();
  loop.kept = why === 'idle' ? null : task;
  loop.current = null;
  loop.clock.stop();
  loop.queue.pause();
  if (task && !loop.kept) post('release', { leases: [task.lease] }).catch(() => {});
  loop.screen.state(why, ...kids);
}

/** Go on, with the task that was on screen if it is still there. */
export function resume(loop) {
  if (!loop.paused) return;
  loop.paused = false;
  loop.queue.resume();
  const { kept } = loop;
  loop.kept = null;
  if (kept && kept.until > now()) loop.queue.putBack(kept);
  loop.forward();
}
