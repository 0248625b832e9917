/**
 * A picture on its neutral stage: zoom, pan, invert, contrast.
 * Rule: places are told in pixels of the upright picture, whatever the screen, the zoom or the scroll.
 */
import { h, t } from './dom.js';
import { label } from './keys.js';

const ZOOMS = [1, 1.5, 2, 3, 4, 6, 8];
/** Pixels of the screen within which a press is no drag. */
const SLACK = 4;

/** The rows of the key table that every picture has. */
export const VIEW_KEYS = ['zoom.in', 'zoom.out', 'zoom.reset', 'invert', 'contrast'].map((id) => ({ id }));

/** A small button with the key of a row, if it has one. */
export function small(text, act, attrs = {}, id = null) {
  const button = h('button', { type: 'button', class: 'button small', onclick: act, ...attrs }, text);
  if (id) label(button, id);
  return button;
}

/**
 * @param {HTMLElement} content an image, or whatever stands for one
 * @param {{width?: number, height?: number, least?: number, over?: Element[], beside?: Element[]}} options
 *   `width` and `height` are the picture's own pixels; `least` is how many pixels of the screen it is wide at least;
 *   `over` lies on the picture and goes with it; `beside` stands before the buttons of the view
 */
export function view(content, options = {}) {
  const { width = content.naturalWidth, height = content.naturalHeight, least = 0, over = [], beside = [] } = options;
  const quiet = { 'data-quiet': true };
  const level = small('', () => reset(), { ...quiet, 'aria-label': t('key.zoom.reset') }, 'zoom.reset');
  const buttons = {
    invert: small(t('mode.view.invert'), () => invert(), { ...quiet, 'aria-pressed': 'false' }, 'invert'),
    contrast: small(t('mode.view.contrast'), () => contrast(), { ...quiet, 'aria-pressed': 'false' }, 'contrast'),
    level,
    'zoom.out': small('−', () => zoomBy(-1), { ...quiet, 'aria-label': t('key.zoom.out') }, 'zoom.out'),
    'zoom.in': small('+', () => zoomBy(1), { ...quiet, 'aria-label': t('key.zoom.in') }, 'zoom.in'),
  };
  const frame = h('div', { class: 'view-frame' }, content, over);
  const port = h('div', { class: 'view-port' }, frame);
  const bar = h('div', { class: 'view-bar', role: 'group', 'aria-label': t('mode.view.group') }, Object.values(buttons));
  const row = h('div', { class: 'view-row' }, beside, bar);
  const element = h('div', { class: 'view' }, port, row);
  let zoom = 0;
  let panned = false;
  content.draggable = false;
  for (const [name, value] of [['--w', width], ['--h', height], ['--least', least]]) {
    frame.style.setProperty(name, String(value));
  }
  show();

  function show() {
    frame.style.setProperty('--zoom', String(ZOOMS[zoom]));
    element.toggleAttribute('data-zoomed', zoom > 0);
    level.textContent = `${ZOOMS[zoom] * 100} %`;
    // What cannot be done is not there; whoever pressed it goes on with the button that stays.
    const leaves = !zoom && [level, buttons['zoom.out']].includes(document.activeElement);
    level.hidden = buttons['zoom.out'].hidden = !zoom;
    if (leaves) buttons['zoom.in'].focus();
  }

  /** Zooms by steps, below zero farther; `x`, `y` on the screen, or the middle, stays where it is. */
  const zoomBy = (steps, x, y) => zoomTo(zoom + steps, x, y);
  const reset = () => zoomTo(0);

  function zoomTo(step, x, y) {
    const seen = port.getBoundingClientRect();
    const [atX, atY] = [x ?? seen.left + seen.width / 2, y ?? seen.top + seen.height / 2];
    const [wasX, wasY] = toPicture(atX, atY);
    zoom = Math.min(Math.max(step, 0), ZOOMS.length - 1);
    show();
    const [isX, isY] = toScreen(wasX, wasY);
    port.scrollBy({ left: isX - atX, top: isY - atY, behavior: 'instant' });
  }

  const toggle = (name) => {
    buttons[name].setAttribute('aria-pressed', String(element.toggleAttribute(`data-${name}`)));
  };
  const invert = () => toggle('invert');
  const contrast = () => toggle('contrast');

  /** From the screen to the picture, neither rounded nor held inside. */
  function toPicture(clientX, clientY) {
    const box = frame.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * width, ((clientY - box.top) / box.height) * height];
  }

  function toScreen(x, y) {
    const box = frame.getBoundingClientRect();
    return [box.left + (x / width) * box.width, box.top + (y / height) * box.height];
  }

  /** Scrolls just as far as a place of the picture needs to be seen. */
  function follow(x, y) {
    const seen = port.getBoundingClientRect();
    const [atX, atY] = toScreen(x, y);
    const margin = Math.min(40, seen.width / 4, seen.height / 4);
    const beyond = (at, low, high) => Math.min(at - low - margin, 0) + Math.max(at - high + margin, 0);
    const by = { left: beyond(atX, seen.left, seen.right), top: beyond(atY, seen.top, seen.bottom) };
    port.scrollBy({ ...by, behavior: 'instant' });
  }

  // What is pressed on the picture and claimed by no mark drags it along; touch scrolls by itself.
  port.addEventListener('pointerdown', (event) => {
    panned = false;
    const wanted = event.button === 1 || (event.button === 0 && !event.defaultPrevented);
    if (!zoom || event.pointerType === 'touch' || !wanted) return;
    let [x, y] = [event.clientX, event.clientY];
    const stop = new AbortController();
    window.addEventListener('pointermove', (to) => {
      if (!panned && Math.hypot(to.clientX - x, to.clientY - y) < SLACK) return;
      panned = true;
      port.scrollBy({ left: x - to.clientX, top: y - to.clientY, behavior: 'instant' });
      [x, y] = [to.clientX, to.clientY];
    }, stop);
    for (const end of ['pointerup', 'pointercancel']) window.addEventListener(end, () => stop.abort(), stop);
  });
  port.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1 : -1, event.clientX, event.clientY);
  }, { passive: false });
  // A button of the row takes no focus from the field or the picture when it is pressed by a pointer.
  row.addEventListener('mousedown', (event) => {
    if (event.target.closest('button') || event.button === 1) event.preventDefault();
  });

  const acts = { 'zoom.in': () => zoomBy(1), 'zoom.out': () => zoomBy(-1), 'zoom.reset': reset, invert, contrast };

  /** Does what a row of the key table says; whether it was one of the picture's. */
  function key(/** @type {string|null} */ id) {
    acts[id]?.();
    return id in acts;
  }

  return {
    element, port, row, zoomBy, reset, invert, contrast, toPicture, toScreen, follow, key,
    /** Whether the last press dragged the picture along, and was no tap. */
    panned: () => panned,
    destroy: () => element.remove(),
  };
}
