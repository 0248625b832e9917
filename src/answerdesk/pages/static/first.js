/** What a tab has at first: its lease, and the task if it can be shown. Rule: looked for once, for whoever waits. */
import { post } from './api.js';
import { left } from './left.js';
import { prepare } from './prepare.js';
import { show } from './show.js';
import { wanted } from './wanted.js';

/** What this tab was left with, or else what a first look finds. */
async function begin() {
  const again = await left();
  if (again) return { lease: again, task: again };
  const { leases: [lease] } = await post('claim', { max: 1, reserve: true, kinds: wanted() });
  return lease ? { lease, task: await prepare(lease).catch(() => null) } : {};
}

/** What there is at first, shown; nothing at all where no call came through, which the rest tries again. */
export const first = begin()
  .catch(() => ({}))
  .then((found) => ({ ...found, mode: found.task && show(found.task) }));
