/**
 * What a written answer must satisfy: as chips before, and as a soft warning while it is typed.
 * Rule: the person sees the picture and may know better, so a rule warns and never forbids (PROTOCOL §6.5).
 */

const DIGITS = /^\p{Nd}+$/u;
const LETTERS = /^\p{L}+$/u;
/** By the value of `numeric`: its chip, and what fits. Signs between are left to the person. */
const NUMERIC = {
  1: ['digits', (text) => DIGITS.test(text)],
  2: ['letters', (text) => LETTERS.test(text)],
  3: ['either', (text) => DIGITS.test(text) || LETTERS.test(text)],
  4: ['both', (text) => /\p{Nd}/u.test(text) && /\p{L}/u.test(text)],
};

function lengths({ minLength: least = 0, maxLength: most = 0 }) {
  if (least && least === most) return { key: 'work.rule.exactly', n: most };
  if (least && most) return { key: 'work.rule.between', least, most };
  if (least) return { key: 'work.rule.least', n: least };
  return most ? { key: 'work.rule.most', n: most } : null;
}

/** The rules of a question as messages: `{key, ...params}` each. */
export function rules(constraints) {
  const { numeric = 0, math, phrase, case: cased } = constraints;
  return [
    math && { key: 'work.rule.math' },
    NUMERIC[numeric] && !math && { key: `work.rule.${NUMERIC[numeric][0]}` },
    lengths(constraints),
    phrase && { key: 'work.rule.phrase' },
    cased && { key: 'work.rule.case' },
  ].filter(Boolean);
}

/** The first rule that an answer does not satisfy, as a message; null when all is well. */
export function broken(text, constraints) {
  const { numeric = 0, math, phrase, minLength: least = 0, maxLength: most = 0 } = constraints;
  const marks = [...text];
  const joined = text.replace(/\s+/g, '');
  if (math && !/^[-−]?\p{Nd}+([.,]\p{Nd}+)?$/u.test(joined)) return { key: 'work.warn.math' };
  if (!math && NUMERIC[numeric] && !NUMERIC[numeric][1](joined)) return { key: `work.warn.${NUMERIC[numeric][0]}` };
  if (least && marks.length < least) return { key: 'work.warn.short', n: marks.length, least };
  if (most && marks.length > most) return { key: 'work.warn.long', n: marks.length, most };
  if (phrase && !/\s/.test(text)) return { key: 'work.warn.phrase' };
  return null;
}
