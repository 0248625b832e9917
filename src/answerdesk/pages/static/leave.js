/** Leaving the page. Rule: what was only set aside goes to others, what was begun waits while it lasts. */
import { beacon } from './api.js';
import { CURRENT } from './left.js';

/** Give back what lies ready while the page goes away, and keep what is on screen for when this tab comes again. */
export function leave(queue, current) {
  const next = queue.pop();
  queue.pause();
  if (next) beacon('release', { leases: [next.lease] });
  if (!current) return;
  const { images, picture, earlier, sound, audio, ...kept } = current;
  sessionStorage.setItem(CURRENT, JSON.stringify(kept));
}
