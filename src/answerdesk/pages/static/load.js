/** The modules of the kinds, each loaded when its first task comes. */
import { allWords } from './dom.js';

const loaded = new Map();

/**
 * Load a kind's module, and the messages it needs.
 * @returns {Promise<{mount(stage: HTMLElement, task: import('./mode.js').Task, tools: import('./mode.js').Tools): import('./mode.js').Mode}>}
 */
export async function load(kind) {
  if (!loaded.has(kind)) {
    const [module] = await Promise.all([import(`./${kind}.js`), kind === 'text' ? null : allWords()]);
    loaded.set(kind, module.default);
  }
  return loaded.get(kind);
}

/** The module of a kind that `load` has brought already. */
export const ready = (kind) => loaded.get(kind);
