/**
 * Pieces and the background they belong on. Rule: a place is the piece's middle in the background's pixels; a piece is
 * placed, unused, or not yet decided.
 */
import { carry } from './carry.js';
import { h } from './dom.js';
import { footnote, sizeOf, withKey } from './parts.js';
import { pieces } from './pieces.js';
import { combo } from './pressed.js';
import { VIEW_KEYS, small, view as open } from './view.js';

const ARROWS = { Left: [-1, 0], Right: [1, 0], Up: [0, -1], Down: [0, 1] };
const ARROW = /^(Shift\+)?Arrow(Left|Right|Up|Down)$/;
const KEYS = [
  { keys: 'Tab', label: 'key.drag.piece' },
  { keys: 'ArrowLeft', label: 'key.drag.move' },
  { keys: 'Shift+ArrowLeft', label: 'key.drag.move10' },
  { keys: 'Space', label: 'key.drag.place' },
  { keys: 'KeyN', label: 'key.drag.unused' },
  { keys: 'Backspace', label: 'key.drag.back' },
];

export default {
  mount(stage, task, tools) {
    const { t } = tools;
    const [background, ...images] = task.images;
    const [size, ...sizes] = task.images.map((image, i) => sizeOf(task.question.media[i], image));
    const middle = [size.width / 2, size.height / 2];
    const past = [];
    let places = task.before ?? images.map(() => null);
    let decided = places.map(() => Boolean(task.before));
    let at = 0;

    const { layer, tray, thumbs, show: draw } = pieces(images, sizes, size, choose, t('mode.drag.tray'));
    const away = withKey(small(t('mode.drag.back'), () => toTray(false)), 'Backspace');
    const unused = withKey(small(t('mode.drag.unused'), () => toTray(true)), 'KeyN');
    const state = h('p', { class: 'pad-state' });
    const view = open(background, { ...size, over: [layer], beside: [away, unused] });
    background.alt = t('mode.drag.background');
    stage.replaceChildren(view.element, tray, footnote(t('mode.drag.how'), state));
    carry(layer, tray, {
      view,
      take: choose,
      place: () => places[at],
      lay: (to, name) => (within(to) ? set(to, true, name) : set(null, false, name)),
      done: (moved) => { if (moved) tools.say(words(at)); focus(); },
      undo,
    });
    show();

    function words(i) {
      if (places[i]) return t('mode.drag.placed', { n: i + 1, x: places[i][0], y: places[i][1] });
      return t(decided[i] ? 'mode.drag.left' : 'mode.drag.piece', { n: i + 1 });
    }

    function show() {
      draw(places, decided, at, words);
      state.textContent = t('mode.drag.state', { n: places.filter(Boolean).length, of: images.length });
    }

    const within = ([x, y]) => x >= 0 && y >= 0 && x <= size.width && y <= size.height;
    const hold = (at, length) => Math.min(Math.max(Math.round(at), 0), length - 1);
    const inside = ([x, y]) => [hold(x, size.width), hold(y, size.height)];

    /** Changes the chosen piece; changes of one name in a row are undone together. */
    function set(place, is, name = '') {
      if (!name || past.at(-1)?.name !== name) past.push({ name, places, decided });
      [places, decided] = [places.with(at, place && inside(place)), decided.with(at, is)];
      tools.hint(null);
      show();
      tools.changed();
      return true;
    }

    function undo() {
      const last = past.pop();
      if (!last) return false;
      ({ places, decided } = last);
      show();
      tools.changed();
      return true;
    }

    function choose(index) {
      at = index;
      show();
    }

    function focus() {
      thumbs[at].focus({ preventScroll: true });
    }

    function toTray(is) {
      set(null, is);
      tools.say(words(at));
      focus();
      return true;
    }

    /** Puts a new piece in the middle; one that lies already stays there, and the next undecided one is chosen. */
    function place() {
      if (!places[at]) return set(middle, true);
      tools.say(words(at));
      const next = images.map((_, i) => (at + 1 + i) % images.length).find((i) => !decided[i]);
      if (next !== undefined) choose(next);
      focus();
      return true;
    }

    function nudge([dx, dy], by) {
      const [x, y] = places[at] ?? middle;
      set([x + dx * by, y + dy * by], true, `nudge ${at}`);
      view.follow(...places[at]);
      return true;
    }

    const acts = { Space: place, KeyN: () => toTray(true), Backspace: () => toTray(false), Delete: () => toTray(false) };

    return {
      value: () => (decided.includes(true) ? [...places] : null),
      valid: () => (decided.includes(true) ? null : t('mode.drag.fewer')),
      warn: () => (decided.includes(false) ? t('mode.drag.rest') : null),
      undo,
      key(event, id) {
        if (view.key(id)) return true;
        const pressed = combo(event);
        const arrow = ARROW.exec(pressed ?? '');
        return arrow ? nudge(ARROWS[arrow[2]], arrow[1] ? 10 : 1) : acts[pressed]?.() ?? false;
      },
      keys: [...KEYS, ...VIEW_KEYS],
      focus,
      destroy: () => view.destroy(),
    };
  },
};
