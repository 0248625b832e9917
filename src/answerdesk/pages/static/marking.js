/**
 * What points, boxes and outlines have in common: a picture under a <region-pad>, its buttons, keys and words.
 * Rule: an answer is told in whole pixels of the picture set upright, as the question's media give its size.
 */
import { h } from './dom.js';
import { footnote, noneButton, sizeOf, withKey } from './parts.js';
import { combo } from './pressed.js';
import './region.js';
import { VIEW_KEYS, small, view as open } from './view.js';

const ARROWS = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] };
const ARROW = /^(Alt\+)?(Shift\+)?Arrow(Left|Right|Up|Down)$/;
/** A cross-hair on the move tells where it is when it rests. */
const REST_MS = 300;
const MOST = 1000;

/**
 * @param {HTMLElement} stage
 * @param {import('./mode.js').Task} task
 * @param {import('./mode.js').Tools} tools
 * @param {{kind: string, mode: 'point'|'box'|'polygon', place: Function, marks: (value: any) => number[][][],
 *   value: (marks: number[][][]) => any, keys: Object[], extra?: Function, key?: Function, changed?: Function}} how
 *   `place(pad, at, by, most)` sets a place, `extra(pad, row)` gives further elements, `key(pad, pressed)` takes further keys
 */
export function marking(stage, task, tools, how) {
  const { t } = tools;
  const { constraints, media } = task.question;
  const size = sizeOf(media[0], task.images[0]);
  const [least, most] = [Math.max(1, constraints.minClicks ?? 0), constraints.maxClicks || MOST];
  const state = h('p', { class: 'pad-state' });
  const pad = h('region-pad', {
    tabindex: '0', role: 'application', 'aria-label': t(`mode.${how.kind}.pad`), 'aria-describedby': 'pad-how',
  });
  const remove = small('', (event) => { pad.remove(); back(event); });
  const none = noneButton(constraints, tools, (event) => { pad.chooseNone(); back(event); });
  const view = open(task.images[0], { ...size, over: [pad], beside: [remove, none] });
  let rest = 0;
  task.images[0].alt = '';
  pad.setup({
    ...size,
    mode: how.mode,
    single: how.mode === 'point' && most === 1,
    view: () => view,
    place: (at, by) => how.place(pad, at, by, most),
    changed: () => { how.changed?.(pad); show(); tools.changed(); },
  });
  if (Array.isArray(task.before)) Object.assign(pad, { marks: how.marks(task.before), none: !task.before.length });
  stage.replaceChildren(view.element, footnote(t(`mode.${how.kind}.how`), state), ...(how.extra?.(pad, view.row) ?? []));
  pad.draw();
  show();

  function back(event) {
    // Only a pointer's press sends the focus back; the keyboard's stays on its button.
    if (event.detail) pad.focus({ preventScroll: true });
  }

  function show() {
    const chosen = pad.selected + 1;
    const [x, y] = pad.cursor;
    remove.textContent = chosen ? t('mode.marks.delete', { n: chosen }) : t('mode.marks.remove');
    withKey(remove, 'Backspace');
    remove.disabled = !pad.marks.length && !pad.draft.length;
    none?.setAttribute('aria-pressed', String(pad.none));
    const count = most < MOST ? `${pad.marks.length} / ${most}` : pad.marks.length;
    state.textContent = t('mode.marks.state', { n: count, x, y });
  }

  function move([dx, dy], step) {
    pad.toggleAttribute('data-keys', true);
    if (pad.selected < 0) pad.moveCursor(dx * step, dy * step);
    else pad.moveMark(pad.selected, dx * step, dy * step);
    const { half } = pad.on;
    view.follow(pad.cursor[0] + half, pad.cursor[1] + half);
    show();
    clearTimeout(rest);
    rest = setTimeout(() => tools.say(t('mode.marks.at', { x: pad.cursor[0], y: pad.cursor[1] })), REST_MS);
    return true;
  }

  function choose(by) {
    pad.toggleAttribute('data-keys', true);
    pad.choose(pad.selected + by);
    if (pad.selected >= 0) tools.say(t('mode.marks.chosen', { n: pad.selected + 1, x: pad.cursor[0], y: pad.cursor[1] }));
    return true;
  }

  function set() {
    pad.toggleAttribute('data-keys', true);
    // A chosen mark was being moved: it stays where it is now.
    if (pad.selected >= 0) pad.choose(-1);
    else how.place(pad, pad.cursor, 'key', most);
    return true;
  }

  const acts = {
    Space: set,
    Backspace: () => pad.remove(),
    Delete: () => pad.remove(),
    '[': () => choose(-1),
    PageUp: () => choose(-1),
    ']': () => choose(1),
    PageDown: () => choose(1),
    ...(none && { KeyN: () => { pad.chooseNone(); return true; } }),
  };

  return {
    value: () => (pad.none || pad.marks.length ? how.value(pad.marks) : null),
    valid() {
      if (pad.draft.length) return t(`mode.${how.kind}.open`);
      return pad.none || pad.marks.length >= least ? null : t(`mode.${how.kind}.fewer`, { n: least });
    },
    undo: () => pad.undo(),
    key(event, id) {
      if (view.key(id)) return true;
      const pressed = combo(event);
      if (how.key?.(pad, pressed)) return true;
      const arrow = ARROW.exec(pressed ?? '');
      if (arrow) return !arrow[1] && move(ARROWS[arrow[3]], arrow[2] ? 10 : 1);
      return acts[pressed]?.() ?? false;
    },
    keys: [...how.keys, ...(none ? [{ keys: 'KeyN', label: 'key.none' }] : []), ...VIEW_KEYS],
    focus: () => pad.focus({ preventScroll: true }),
    destroy: () => { clearTimeout(rest); view.destroy(); },
  };
}
