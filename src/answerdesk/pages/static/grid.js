/**
 * Cells of one picture, or one picture a cell. Rule: cells are counted from 1 at the top left, row by row, and every one
 * shows its number.
 */
import { h } from './dom.js';
import { footnote, noneButton, sizeOf } from './parts.js';
import { combo } from './pressed.js';
import { earlier } from './series.js';
import { VIEW_KEYS, view as open } from './view.js';

/** The keys of a cell by their place on the keyboard, whatever the layout prints on them. */
const PLACES = {
  '3x3': ['KeyQ', 'KeyW', 'KeyE', 'KeyA', 'KeyS', 'KeyD', 'KeyZ', 'KeyX', 'KeyC'],
  '4x4': ['Digit1', 'Digit2', 'Digit3', 'Digit4', 'KeyQ', 'KeyW', 'KeyE', 'KeyR', 'KeyA', 'KeyS', 'KeyD', 'KeyF',
    'KeyZ', 'KeyX', 'KeyC', 'KeyV'],
};
const LETTERS = {
  '3x3': { keys: 'KeyQ', label: 'key.grid.letters3' },
  '4x4': { keys: 'KeyQ', label: 'key.grid.letters4' },
};
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
/** A finger's width in pixels of the screen. */
const FINGER = 44;
export default {
  mount(stage, task, tools) {
    const { t } = tools;
    const { constraints: limits, media } = task.question;
    const { rows, columns } = limits;
    const [least, most] = [Math.max(1, limits.minClicks ?? 0), limits.maxClicks || rows * columns];
    const one = media.length === 1;
    const each = sizeOf(media[0], task.images[0]);
    const size = one ? each : { width: each.width * columns, height: each.height * rows };
    const past = [];
    let [chosen, nothing, at] = [new Set(task.before ?? []), task.before?.length === 0, 0];

    const cells = Array.from({ length: rows * columns }, (_, i) => h('div', {
      role: 'gridcell', class: 'cell', tabindex: '-1', 'data-cell': i + 1, 'aria-selected': 'false',
    }, h('span', {}, String(i + 1))));
    const lines = Array.from({ length: rows }, (_, row) => h('div', { role: 'row' },
      cells.slice(row * columns, (row + 1) * columns)));
    const grid = h('div', {
      role: 'grid', class: 'grid', 'aria-multiselectable': 'true', 'aria-label': t('mode.grid.pad'), onclick: tap,
    }, lines);
    const pictures = one ? task.images[0] : h('div', { class: 'mosaic' }, task.images);
    const state = h('p', { class: 'pad-state' });
    const none = noneButton(limits, tools, () => chooseNone());
    const finger = FINGER * Math.max(columns, (rows * size.width) / size.height);
    const view = open(pictures, { ...size, least: finger, over: [grid], beside: [none] });
    for (const image of task.images) image.alt = '';
    view.element.style.setProperty('--columns', String(columns));
    view.element.style.setProperty('--rows', String(rows));
    stage.replaceChildren(...earlier(task, t), view.element, footnote(t('mode.grid.how'), state));
    show();

    function show() {
      cells.forEach((cell, i) => {
        cell.setAttribute('aria-selected', String(chosen.has(i + 1)));
        cell.tabIndex = i === at ? 0 : -1;
      });
      none?.setAttribute('aria-pressed', String(nothing));
      state.textContent = t('mode.grid.state', { n: most < cells.length ? `${chosen.size} / ${most}` : chosen.size });
    }

    function change(next, empty) {
      past.push([chosen, nothing]);
      [chosen, nothing] = [next, empty];
      tools.hint(null);
      show();
      tools.changed();
    }

    function toggle(number) {
      at = number - 1;
      const next = new Set(most === 1 && !chosen.has(number) ? [] : chosen);
      if (!next.delete(number)) next.add(number);
      cells[at].focus({ preventScroll: true });
      if (next.size > most) {
        show();
        tools.hint(t('mode.marks.most', { n: most }));
      } else {
        change(next, false);
        tools.say(t(chosen.has(number) ? 'mode.grid.chosen' : 'mode.grid.left', { n: number }));
      }
      return true;
    }

    function tap(event) {
      const cell = event.target.closest('[data-cell]');
      if (cell && !view.panned()) toggle(Number(cell.dataset.cell));
    }

    function chooseNone() {
      change(new Set(), !nothing);
      return true;
    }

    function move([down, across]) {
      const [row, column] = [Math.floor(at / columns) + down, (at % columns) + across];
      if (row >= 0 && row < rows && column >= 0 && column < columns) at = row * columns + column;
      show();
      cells[at].focus({ preventScroll: true });
      view.follow(((at % columns) + 0.5) * (size.width / columns), (Math.floor(at / columns) + 0.5) * (size.height / rows));
      return true;
    }

    /** The cell a key stands for by its place on the keyboard, or by the digit it types. */
    function cellOf(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return 0;
      const place = event.shiftKey ? -1 : PLACES[`${rows}x${columns}`]?.indexOf(event.code) ?? -1;
      const number = place >= 0 ? place + 1 : Number(/^[1-9]$/.exec(event.key)?.[0] ?? 0);
      return number <= cells.length ? number : 0;
    }

    return {
      value: () => (nothing || chosen.size ? [...chosen].sort((a, b) => a - b) : null),
      valid: () => (nothing || chosen.size >= least ? null : t('mode.grid.fewer', { n: least })),
      undo() {
        if (!past.length) return false;
        [chosen, nothing] = past.pop();
        show();
        tools.changed();
        return true;
      },
      key(event, id) {
        const number = cellOf(event);
        if (number) return toggle(number);
        if (view.key(id)) return true;
        const pressed = combo(event);
        if (ARROWS[pressed]) return move(ARROWS[pressed]);
        if (pressed === 'Space') return toggle(at + 1);
        return pressed === 'KeyN' && none ? chooseNone() : false;
      },
      keys: [
        { keys: 'Digit1', label: 'key.grid.digits' },
        ...[LETTERS[`${rows}x${columns}`] ?? []].flat(),
        { keys: 'ArrowLeft', label: 'key.grid.move' },
        { keys: 'Space', label: 'key.grid.set' },
        ...(none ? [{ keys: 'KeyN', label: 'key.none' }] : []),
        ...VIEW_KEYS,
      ],
      focus: () => cells[at].focus({ preventScroll: true }),
      destroy: () => view.destroy(),
    };
  },
};
