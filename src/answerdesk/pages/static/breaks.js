/** When a person is there and when not. Rule: nobody's task waits for somebody who has gone. */

const IDLE_MS = 90000;

/**
 * @param {{idle(): void, back(): void}} hears  `back` hears of a key or a press after being idle.
 */
export function attend(hears) {
  let last = performance.now();
  let gone = false;
  const here = (event) => {
    last = performance.now();
    if (event.type === 'pointermove') return;
    gone = false;
    // What the key or press itself does comes first.
    setTimeout(() => hears.back());
  };
  for (const sort of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'input']) {
    window.addEventListener(sort, here, { passive: true, capture: true });
  }
  // What plays is listened to.
  window.addEventListener('timeupdate', here, { capture: true });
  setInterval(() => {
    if (gone || performance.now() - last < IDLE_MS) return;
    gone = true;
    hears.idle();
  }, 1000);
  return { since: (time) => last > time };
}

/** Resolves as soon as the page is seen. */
export const seen = () =>
  new Promise((done) => {
    if (!document.hidden) return done();
    document.addEventListener('visibilitychange', () => done(), { once: true });
  });
