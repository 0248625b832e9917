/** Coming back to the page. Rule: what was begun goes on while its time lasts, if it is still this person's. */
import { now, post } from './api.js';
import { prepare } from './prepare.js';

/** By what name a tab keeps what is on screen. */
export const CURRENT = 'current';
/** With less time than this nobody begins again. */
const LEAST_SECONDS = 3;

/** What was on screen when this tab was last here; null if its time is over, or it is settled or somebody else's. */
export async function left() {
  const kept = JSON.parse(sessionStorage.getItem(CURRENT) ?? 'null');
  sessionStorage.removeItem(CURRENT);
  if (!kept || kept.until < now() + LEAST_SECONDS) return null;
  const both = Promise.all([prepare(kept), post('show', { lease: kept.lease })]);
  const [task, held] = await both.catch(() => [null, {}]);
  return held.until ? { ...task, until: held.until, reserved: false } : null;
}
