/** Practice: a few tasks of each kind with their answers told. Rule: offered, never in the way, nothing at stake. */
import { allWords, given, h, one, t } from './dom.js';
import { prepare } from './prepare.js';
import { pause, resume } from './rest.js';

async function call(address, value) {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  const reply = await fetch(address, value === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify({ value }) });
  if (!reply.ok) throw new Error(reply.statusText);
  return reply.json();
}

/** Offer the kinds not yet practised, below the task. */
export async function offer(loop) {
  await allWords();
  const place = one('offer');
  if (loop.practice || !given.practise.length) return void (place.hidden = true);
  const later = () => { sessionStorage.setItem('practised', 'later'); place.hidden = true; };
  place.replaceChildren(
    h('span', {}, t('practice.offer')),
    ...given.practise.map((kind) => h('button', { class: 'button small', type: 'button', onclick: () => practise(loop, kind) }, t(`practice.kind.${kind}`))),
    h('button', { class: 'button small plain', type: 'button', onclick: later }, t('practice.later')),
  );
  place.hidden = false;
}

/** Go through a kind's lessons, then back to work. */
async function practise(loop, kind) {
  const place = one('offer');
  if (!loop.paused) pause(loop, 'loading');
  loop.practice = true;
  loop.last = null;
  loop.screen.last(null);
  let number = 1;
  const end = () => {
    loop.practice = false;
    loop.practised = null;
    place.hidden = true;
    given.practise = given.practise.filter((left) => left !== kind || number <= 5);
    resume(loop);
    offer(loop);
  };
  const strip = (...kids) => {
    place.replaceChildren(...kids.filter(Boolean), h('button', { class: 'button small', type: 'button', onclick: end }, t('practice.end')));
    place.hidden = false;
  };
  const next = async () => {
    const task = { ...(await prepare(await call(`/work/practice/${kind}/${number}`))), practice: true };
    loop.begin(task);
    strip(h('b', {}, t('practice.count', { n: number, all: 5 })));
  };
  loop.practised = async ({ path, value }) => {
    const task = loop.current;
    if (task.judged) return number > 5 ? end() : next();
    const told = await call(task.lease, path === 'answer' ? value : null);
    if (loop.current !== task) return;
    task.judged = true;
    number += 1;
    const what = typeof told.answer === 'string' ? t('practice.wrong', { what: told.answer }) : t('practice.wrong.shape');
    const said = told.right ? t('practice.right') : path === 'answer' ? what : t('practice.tell');
    const go = h('button', { class: 'button small primary', type: 'button', onclick: () => loop.practised({}) }, t('practice.next'));
    strip(h('b', { class: told.right ? 'good' : 'wrong', role: 'status' }, said), number > 5 ? null : go);
    loop.screen.say(said);
    place.scrollIntoView({ block: 'nearest' });
  };
  try {
    await next();
  } catch {
    end();
  }
}
