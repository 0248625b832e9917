/** Pieces as they are seen: on the background, and in the tray. Rule: a piece is as large as the background makes it. */
import { h } from './dom.js';

const THUMB = 88;
const MOST_ENLARGED = 1.5;

/** A small copy of a piece for the tray. */
function thumb(image, { width, height }) {
  const ratio = window.devicePixelRatio;
  const scale = Math.min(MOST_ENLARGED, THUMB / Math.max(width, height));
  const [w, high] = [width, height].map((side) => Math.max(1, Math.round(side * scale * ratio)));
  const copy = h('canvas', { width: w, height: high });
  copy.getContext('2d').drawImage(image, 0, 0, w, high);
  copy.style.setProperty('inline-size', `${w / ratio}px`);
  return copy;
}

/**
 * @param {HTMLImageElement[]} images
 * @param {{width: number, height: number}[]} sizes
 * @param {{width: number, height: number}} on the background's size
 * @param {(index: number) => void} choose
 */
export function pieces(images, sizes, on, choose, name) {
  const number = (i) => h('span', {}, String(i + 1));
  const laid = images.map((image, i) => {
    const piece = h('div', { class: 'piece', 'data-piece': i, hidden: true }, image, number(i));
    Object.assign(image, { alt: '', draggable: false });
    piece.style.setProperty('inline-size', `${(sizes[i].width / on.width) * 100}%`);
    piece.style.setProperty('block-size', `${(sizes[i].height / on.height) * 100}%`);
    return piece;
  });
  const thumbs = images.map((image, i) => h('div', {
    role: 'radio', class: 'thumb', tabindex: '0', 'data-piece': i, onfocus: () => choose(i),
  }, thumb(image, sizes[i]), number(i)));
  const layer = h('div', { class: 'drag-layer' }, laid);
  const tray = h('div', { class: 'tray', role: 'radiogroup', 'aria-label': name }, thumbs);

  /** Shows where each piece is; `words(i)` names it and its place. */
  function show(places, decided, at, words) {
    laid.forEach((piece, i) => {
      piece.hidden = !places[i];
      piece.toggleAttribute('data-chosen', i === at);
      const start = ['width', 'height'].map((side, k) => places[i] && ((places[i][k] - sizes[i][side] / 2) / on[side]) * 100);
      piece.style.setProperty('left', `${start[0] ?? 0}%`);
      piece.style.setProperty('top', `${start[1] ?? 0}%`);
      thumbs[i].setAttribute('aria-checked', String(i === at));
      thumbs[i].setAttribute('aria-label', words(i));
      thumbs[i].dataset.state = places[i] ? 'placed' : decided[i] ? 'unused' : '';
    });
  }

  return { layer, tray, thumbs, show };
}
