/** What a claim names. Rule: nothing, unless somebody wants less in this browser than they may have. */
import { given } from './dom.js';

export const UNWANTED = 'unwanted';

/** The kinds that are wanted here; undefined for all. */
export function wanted() {
  const off = localStorage.getItem(UNWANTED)?.split(',');
  const kinds = off && given.kinds.filter((kind) => !off.includes(kind));
  return kinds?.length ? kinds : undefined;
}
