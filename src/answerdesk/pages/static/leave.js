/** Leaving the page and coming back. Rule: what was only set aside goes to others, what was begun waits while it lasts. */
import { beacon, now } from './api.js';
import { prepare } from './prepare.js';

const CURRENT = 'current';
/** With less time than this nobody begins again. */
const LEAST_SECONDS = 3;

/** Give back what lies ready while the page goes away, and keep what is on screen for when this tab comes again. */
export function leave(queue, current) {
  const next = queue.pop();
  queue.pause();
  if (next) beacon('release', { leases: [next.lease] });
  if (!current) return;
  const { images, picture, sound, audio, ...kept } = current;
  sessionStorage.setItem(CURRENT, JSON.stringify(kept));
}

/** What was on screen when this tab was last here; null if its time is over or it is somebody else's. */
export async function left() {
  const kept = JSON.parse(sessionStorage.getItem(CURRENT) ?? 'null');
  sessionStorage.removeItem(CURRENT);
  return kept && kept.until > now() + LEAST_SECONDS ? prepare(kept).catch(() => null) : null;
}
