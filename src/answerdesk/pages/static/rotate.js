/** Pictures to be turned upright. Rule: an angle is in degrees clockwise, 0 to 359, one per picture. */
import { h } from './dom.js';
import { footnote, sizeOf, withKey } from './parts.js';
import { combo } from './pressed.js';
import { VIEW_KEYS, small, view as open } from './view.js';

const TURN = 360;
const STEP = 40;
const KEY = /^(Shift\+)?Arrow(Left|Right|Up|Down)$/;
const WAYS = { Left: -1, Right: 1, Up: 1, Down: -1 };

export default {
  mount(stage, task, tools) {
    const { t } = tools;
    const step = task.question.constraints.angle || STEP;
    const count = task.images.length;
    const sizes = task.images.map((image, i) => sizeOf(task.question.media[i], image));
    const side = Math.ceil(Math.max(...sizes.map(({ width, height }) => Math.hypot(width, height))));
    const columns = count > 2 ? Math.ceil(Math.sqrt(count)) : count;
    const past = [];
    let angles = task.before ?? Array(count).fill(0);
    let [touched, at] = [new Set(task.before ? angles.keys() : []), 0];

    const many = count > 1 ? (i) => ({ role: 'radio', 'aria-label': t('mode.rotate.picture', { n: i + 1 }) }) : () => ({});
    const tables = task.images.map((image, i) => {
      image.alt = '';
      image.style.setProperty('inline-size', `${(sizes[i].width / side) * 100}%`);
      image.style.setProperty('block-size', `${(sizes[i].height / side) * 100}%`);
      return h('div', { class: 'turntable', onclick: () => choose(i), ...many(i) }, image);
    });
    const group = count > 1 ? { role: 'radiogroup', 'aria-label': t('mode.rotate.pictures') } : {};
    const slider = h('input', {
      type: 'range', min: '0', max: String(TURN - 1), step: '1', 'aria-label': t('mode.rotate.slider'), oninput: slide,
    });
    const told = h('output', { class: 'turn-angle' });
    const turns = [
      small(`−${step}°`, () => turn(-step), { 'aria-label': t('mode.rotate.back', { n: step }) }),
      small(`+${step}°`, () => turn(step), { 'aria-label': t('mode.rotate.on', { n: step }) }),
    ];
    ['ArrowLeft', 'ArrowRight'].forEach((name, i) => withKey(turns[i], name));
    const rows = Math.ceil(count / columns);
    const view = open(h('div', { class: 'turntables', ...group }, tables), { width: side * columns, height: side * rows });
    view.element.style.setProperty('--columns', String(columns));
    const control = h('div', { class: 'turn-row' }, turns[0], slider, turns[1]);
    stage.replaceChildren(view.element, control, footnote(t('mode.rotate.how'), told));
    show();

    function show() {
      angles.forEach((angle, i) => {
        task.images[i].style.setProperty('rotate', `${angle}deg`);
        if (count > 1) tables[i].setAttribute('aria-checked', String(i === at));
        if (count > 1) tables[i].tabIndex = i === at ? 0 : -1;
      });
      slider.value = String(angles[at]);
      slider.setAttribute('aria-valuetext', t('mode.rotate.degrees', { n: angles[at] }));
      told.textContent = count > 1 ? `${at + 1} · ${angles[at]}°` : `${angles[at]}°`;
    }

    function set(angle, name = '') {
      if (!name || past.at(-1)?.name !== name) past.push({ name, angles, touched });
      angles = angles.with(at, ((Math.round(angle) % TURN) + TURN) % TURN);
      touched = new Set(touched).add(at);
      show();
      tools.changed();
      return true;
    }

    function turn(by) {
      set(angles[at] + by);
      tools.say(t('mode.rotate.degrees', { n: angles[at] }));
      return true;
    }

    function slide() {
      set(slider.valueAsNumber, `slide ${at}`);
    }

    function choose(index) {
      at = Math.min(Math.max(index, 0), count - 1);
      show();
      if (count > 1) tables[at].focus({ preventScroll: true });
      return true;
    }

    const acts = {
      Home: () => set(0),
      '[': () => choose(at - 1),
      PageUp: () => choose(at - 1),
      ']': () => choose(at + 1),
      PageDown: () => choose(at + 1),
      Space: () => document.activeElement !== slider && choose((at + 1) % count),
    };

    return {
      value: () => [...angles],
      valid: () => null,
      warn: () => (touched.size < count ? t('mode.rotate.untouched') : null),
      undo() {
        const last = past.pop();
        if (last) ({ angles, touched } = last);
        if (last) show();
        if (last) tools.changed();
        return Boolean(last);
      },
      key(event, id) {
        if (view.key(id)) return true;
        const pressed = combo(event);
        const way = KEY.exec(pressed ?? '');
        if (way) return turn(WAYS[way[2]] * (/Up|Down/.test(way[2]) ? 1 : step) * (way[1] ? 5 : 1));
        return acts[pressed]?.() ?? false;
      },
      keys: [
        { keys: 'ArrowLeft', label: 'key.rotate.step' },
        { keys: 'Shift+ArrowLeft', label: 'key.rotate.steps' },
        { keys: 'ArrowUp', label: 'key.rotate.degree' },
        { keys: 'Home', label: 'key.rotate.home' },
        ...(count > 1 ? [{ keys: '[', label: 'key.rotate.before' }, { keys: ']', label: 'key.rotate.after' }] : []),
        ...VIEW_KEYS,
      ],
      focus: () => (count > 1 ? tables[at] : slider).focus({ preventScroll: true }),
      destroy: () => view.destroy(),
    };
  },
};
