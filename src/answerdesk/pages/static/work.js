/** The workspace: its parts put together, its buttons and its keys. Rule: whatever a key does, a button does. */
import { extend, undo } from './amend.js';
import { onReach } from './api.js';
import { attend } from './breaks.js';
import { Clock } from './clock.js';
import { allWords, given, h, one, t } from './dom.js';
import { Figures, money } from './figures.js';
import { first } from './first.js';
import { label } from './keys.js';
import { leave } from './leave.js';
import { Loop } from './loop.js';
import { menu } from './menu.js';
import { listen, typing } from './pressed.js';
import { Queue } from './queue.js';
import { pause, resume } from './rest.js';
import { Screen } from './screen.js';
import { Outbox } from './send.js';

const [{ lease, ...shown }] = await Promise.all([first, allWords()]);
const REASONS = ['unreadable', 'broken', 'language', 'refused'];
const figures = new Figures();
const queue = new Queue();
const screen = new Screen(shown, () => { loop.armed = false; });

/** Ask to sign in again over the page, which keeps everything; once at a time. */
let signing = null;
const signIn = () => {
  signing ??= import('./signin.js').then(({ ask }) => ask()).then(() => { signing = null; outbox.again(); });
  return signing;
};

const outbox = new Outbox({
  done({ path, body }, reply) {
    figures.stale();
    if (!reply.accepted && path === 'answer') screen.note(t(`work.refused.${reply.why ?? 'settled'}`));
    if (Number(reply.paid) > 0) one('paid').textContent = `+${money(reply.paid)}`;
    if (!reply.accepted && loop.last?.task.lease === body.lease) screen.last((loop.last = null));
  },
  refused: (said, problem) => screen.note(t('work.refused.problem', { what: problem.message })),
  changed: unsent,
  signIn,
});

function unsent() {
  one('unsent').hidden = !(outbox?.count && outbox.late);
  one('unsent').textContent = t('work.unsent', { n: outbox?.count ?? 0 });
}

queue.hears = {
  empty() {
    if (loop.current || loop.paused) return;
    screen.state('empty');
    figures.stale();
    offers();
  },
  broken: (lease) => outbox.put({ path: 'decline', body: { lease: lease.lease, reason: 'broken' } }),
  signIn,
};
const there = attend({
  idle: () => !loop.practice && pause(loop, 'idle', more()),
  back: () => document.body.dataset.face === 'idle' && resume(loop),
});
const clock = new Clock({ late: () => loop.late(), say: (words) => screen.say(words) });
const loop = new Loop({ screen, queue, outbox, clock, there });

const button = (act, key) => labelled(h('button', { class: 'button', type: 'button', 'data-act': act }, t(key)), act);
const labelled = (made, id) => (label(made, id), made);
const more = () => h('p', { class: 'row' }, button('pause', 'work.resume'));

/** What can be done, by the name on a button or in the table of keys; each gives false to leave the key alone. */
const acts = {
  send: () => loop.submit(),
  cant: () => loop.decline(),
  undo: (event) => {
    // What a field undoes is the browser's; then comes the mode's own, then the last answer.
    if (event && typing(event.target) && event.target.value) return false;
    if (!(event && screen.mode?.undo())) undo(loop);
    return true;
  },
  last: () => undo(loop),
  time: () => extend(loop),
  pause() {
    if (loop.paused) return resume(loop);
    pause(loop, 'paused', more());
    import('./alerts.js').then(({ offer }) => offer(one('state'))).then(watchful)
      .then(() => import('./kinds.js')).then(({ offer }) => offer(one('state')));
  },
  help: () => import('./help.js').then(({ help }) => help(screen.mode?.keys ?? [], () => screen.mode?.focus())),
};
REASONS.forEach((reason, at) => { acts[`reason.${at + 1}`] = () => loop.decline(reason); });

listen((id, event) => {
  const { mode } = screen;
  if (!one('menu').hidden) return false;
  // Held keys repeat what a mode does, never what sends.
  if (mode && (!typing(event.target) || id) && mode.key(event, id)) return true;
  if (!acts[id] || event.repeat) return Boolean(acts[id] && event.repeat);
  return acts[id](event) !== false;
});
document.addEventListener('click', (event) => {
  const pressed = event.target.closest('[data-act]');
  if (!pressed) return;
  acts[pressed.dataset.act]?.();
  // Pressed by hand, a button gives the focus back to where the person works.
  if (event.detail) screen.mode?.focus();
});
menu((reason) => loop.decline(reason));
onReach((reached) => { document.body.toggleAttribute('data-offline', !reached); });
window.addEventListener('offline', () => document.body.toggleAttribute('data-offline', true));
window.addEventListener('online', () => document.body.toggleAttribute('data-offline', false));
window.addEventListener('pagehide', () => leave(queue, loop.draft()));
window.addEventListener('pageshow', (event) => event.persisted && location.reload());

/** Practice is offered where it is in nobody's way, until it is done or sent away. */
async function offers() {
  if (!given.practise?.length || sessionStorage.getItem('practised')) return;
  const { offer } = await import('./practice.js');
  offer(loop);
}
document.addEventListener('practise', offers);

unsent();
outbox.again();
figures.stale();
if (!shown.task) queue.hears.empty();
// What came and cannot be shown is looked at once more, and then told.
if (lease && !shown.task) queue.expect(Promise.resolve({ leases: [lease] }));
loop.advance(shown.task ?? queue.take());
offers();
if (localStorage.getItem('alerts')) watchful();
/** Who asked to be told of work is told while resting. */
async function watchful() {
  const { watch } = await import('./alerts.js');
  // What a hidden page has set aside already is waiting too.
  const waiting = async () => (queue.next ? 1 : 0) + await figures.look();
  watch(() => document.hidden || loop.paused, waiting);
}
