/**
 * Figures kept up to date: whatever has `data-live` shows the field of that name, inside its `data-live-row` if it has
 * one. Rule: one small call every two seconds, only while the tab is seen; text goes in as text.
 */
const EVERY = 2000;
const SLOWEST = 30000;
const page = document.querySelector('[data-live-from]');
const state = page.querySelector('[data-live-state]');
let timer = 0;
let call = null;
let pause = EVERY;

function put(fields, within, but) {
  for (const place of within.querySelectorAll('[data-live]')) {
    const value = fields[place.dataset.live];
    if (but && place.closest('[data-live-row]') !== but) continue;
    if (!but && place.closest('[data-live-row]')) continue;
    if (value !== undefined && place.textContent !== value) place.textContent = value;
  }
}

function show(told) {
  put(told, page, null);
  for (const lane of told.lanes) {
    const row = page.querySelector(`[data-live-row="${lane.kind}"]`);
    row.classList.toggle('off', lane.idle);
    put(lane, row, row);
  }
  for (const list of page.querySelectorAll('[data-live-list]')) {
    const said = told[list.dataset.liveList];
    if ([...list.children].map((each) => each.textContent).join('\n') === said.join('\n')) continue;
    list.replaceChildren(...said.map((text) => {
      const note = document.createElement('p');
      note.className = 'note';
      note.textContent = text;
      return note;
    }));
  }
}

async function look() {
  call = new AbortController();
  const { signal } = call;
  try {
    const reply = await fetch(page.dataset.liveFrom, { headers: { accept: 'application/json' }, signal });
    if (reply.status === 401 || reply.status === 403) return location.reload();
    if (!reply.ok) throw new Error(String(reply.status));
    show(await reply.json());
    pause = EVERY;
    state.hidden = true;
  } catch {
    if (signal.aborted) return;
    pause = Math.min(pause * 2, SLOWEST);
    state.textContent = page.dataset.liveStale;
    state.hidden = false;
  }
  timer = setTimeout(look, pause);
}

function follow() {
  clearTimeout(timer);
  call?.abort();
  pause = EVERY;
  if (document.visibilityState === 'visible') look();
}

document.addEventListener('visibilitychange', follow);
timer = setTimeout(look, EVERY);
