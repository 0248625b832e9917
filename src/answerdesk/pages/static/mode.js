/**
 * What a mode is: one module per kind, `static/<kind>.js`, loaded when its first task comes.
 *
 * @typedef {Object} Task           What is to be answered; everything is fetched and decoded before it is shown.
 * @property {string} lease
 * @property {number} task          The public number.
 * @property {string} kind
 * @property {number} until         Seconds since the epoch by the server's clock.
 * @property {Object} question      PROTOCOL §6.14: instruction, constraints, options, lang, media.
 * @property {HTMLImageElement[]} images  Decoded, in the order of question.media.
 * @property {HTMLImageElement|null} picture  The instruction as a picture. The page shows it beside the words of the
 *                                            instruction; a mode need not.
 * @property {HTMLImageElement|null} earlier  The picture of the earlier task of its series, decoded.
 * @property {string|null} audio    An address for <audio>.
 * @property {Blob|null} sound      The same sound's bytes.
 * @property {any} [before]         The answer given before, when it was taken back: the mode starts from it.
 *
 * @typedef {Object} Tools
 * @property {(key: string, params?: Object) => string} t
 * @property {(text: string) => void} say      Tell those who listen (a polite live region).
 * @property {() => void} changed              Call after each change of the answer.
 * @property {(text: string|null) => void} hint  A soft line under the stage; null takes it away.
 * @property {boolean} practice                Whether nothing is at stake.
 *
 * @typedef {Object} Mode
 * @property {() => any} value      The normal answer of PROTOCOL §6.14, or null when there is none yet.
 * @property {() => string|null} valid   Why it cannot be sent yet; null when it can.
 * @property {() => string|null} [warn]  Why it may be wrong: shown once, a second Enter sends it all the same.
 * @property {() => boolean} undo   Take the last local step back; false when there is none.
 * @property {(event: KeyboardEvent, id: string|null) => boolean} key  Keys not typed into a field, before the page's
 *                                  own: true when taken. `id` is the row of keys.js, after remapping: 'zoom.in' …
 *                                  `combo(event)` of pressed.js names any other keys.
 * @property {{keys: string, label: string}[]} keys  Its own keys for the help sheet: {keys: 'Shift+ArrowLeft',
 *                                  label: 'key.rotate.left'}; rows of keys.js may be named instead: {id: 'zoom.in'}.
 * @property {() => void} focus     Put the focus where the person works.
 * @property {() => void} destroy   Take listeners, timers and addresses down.
 *
 * A cell or mark that is a <button> and wants Enter for sending carries `data-cell`.
 *
 * This file is read by people and type checkers alone; `load.js` loads the modes.
 */
export {};
