/** Second thoughts: an answer taken back, and more time. Rule: the server says whether it is too late. */
import { post } from './api.js';
import { t } from './dom.js';

/** Take the last answer back: while it is unsent, or while its task is open. */
export async function undo(loop) {
  const { last } = loop;
  if (loop.current?.practice) return;
  if (!last) return loop.screen.note(t('work.undo.none'));
  loop.last = null;
  loop.screen.last(null);
  const { task } = last;
  if (!loop.outbox.takeBack(task.lease)) {
    await loop.outbox.settled(task.lease);
    const reply = await post('undo', { lease: task.lease }).catch((problem) => ({ why: problem.passing ? 'away' : 'settled' }));
    if (!reply.reopened) return loop.screen.note(t(reply.why === 'away' ? 'work.undo.away' : 'work.undo.settled'));
    task.until = reply.until;
  }
  const { current } = loop;
  if (current) {
    loop.queue.putBack(loop.draft());
  }
  loop.begin({ ...task, reserved: false, before: last.value });
}

/** Ask for more time, which a task gives once. */
export async function extend(loop) {
  const task = loop.current;
  if (!task || task.practice) return;
  const reply = await post('extend', { lease: task.lease }).catch(() => ({ why: 'away' }));
  if (loop.current !== task) return;
  // Asked again, the server tells the time it gave before.
  const longer = reply.until > task.until;
  if (longer) loop.clock.start((task.until = reply.until), false);
  loop.screen.note(t(longer ? 'work.extended' : 'work.unextended'));
}
