/**
 * Elements and words. Rule: text goes in as text, styles by `style.setProperty`; nothing here reads markup.
 * @typedef {string|number|Node|null|undefined|false|Kid[]} Kid
 */
const SVG = 'http://www.w3.org/2000/svg';
const read = (id) => JSON.parse(document.getElementById(id)?.textContent || '{}');

/** What the server told this page: an object of its own making. */
export const given = read('given');
const words = read('messages');
const PLACE = /\{(\w+)\}/g;

/** Say a message of `locale/*.json`; `{name}` is replaced by `params.name`. An unknown key shows itself. */
export function t(key, params = {}) {
  const said = words[key] ?? key;
  return said.replace(PLACE, (whole, name) => params[name] ?? whole);
}

let fetched = null;

/** Fetch the messages that the first task did without; once. */
export function allWords() {
  fetched ??= fetch(given.words)
    .then((reply) => (reply.ok ? reply.json() : {}))
    .then((more) => { Object.assign(words, more); })
    .catch(() => { fetched = null; });
  return fetched;
}

/**
 * Make an element: `h('button', {class: 'button', onclick: f, 'aria-label': 'x'}, 'Send', h('kbd', {}, 'Enter'))`.
 * `svg:circle` is an element of SVG; `on*` functions listen; `dataset` is an object; true gives an empty attribute;
 * false, null and undefined leave the attribute out; `value` is set as a property.
 * @param {string} tag
 * @param {Object<string, any>} [attrs]
 * @param {...Kid} kids
 */
export function h(tag, attrs = {}, ...kids) {
  const made = tag.startsWith('svg:') ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'dataset') Object.assign(made.dataset, value);
    else if (name === 'value') made.value = value;
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...kids.flat(Infinity).filter((kid) => kid || kid === 0 || kid === ''));
  return made;
}

/** Find the one element with a `data-id`. */
export const one = (id) => document.querySelector(`[data-id="${id}"]`);

const NAMED = { 0x61c: 'ALM', 0x200b: 'ZWSP', 0x200e: 'LRM', 0x200f: 'RLM', 0x2028: 'LS', 0x2029: 'PS', 0xfeff: 'BOM' };
const BIDI = ['LRE', 'RLE', 'PDF', 'LRO', 'RLO'];
const ISOLATES = ['LRI', 'RLI', 'FSI', 'PDI'];
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Show a stranger's text with its control and direction characters as signs, so that it can do nothing unseen. */
export function plain(text) {
  return String(text ?? '').replaceAll('\r\n', '\n').replace(UNSEEN, (sign) => {
    const code = sign.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    const name = NAMED[code] ?? BIDI[code - 0x202a] ?? ISOLATES[code - 0x2066];
    return `\u27e8${name ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`}\u27e9`;
  });
}

/** A stranger's text, isolated from ours, in its own language and direction. */
export const foreign = (text, lang = null) => h('bdi', { dir: 'auto', lang }, plain(text));
