/** Coming back to the page. Rule: what was begun goes on while its time lasts, if it is still this person's. */
import { now } from './api.js';
import { prepare } from './prepare.js';

/** By what name a tab keeps what is on screen. */
export const CURRENT = 'current';
/** With less time than this nobody begins again. */
const LEAST_SECONDS = 3;

/** What was on screen when this tab was last here; null if its time is over. */
export async function left() {
  const kept = JSON.parse(sessionStorage.getItem(CURRENT) ?? 'null');
  sessionStorage.removeItem(CURRENT);
  return kept && kept.until > now() + LEAST_SECONDS ? prepare(kept).catch(() => null) : null;
}
