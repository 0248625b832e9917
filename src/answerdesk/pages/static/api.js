/** Calls of the work API. Rule: every failure is a Problem with a status; 0 is a call that never came through. */
import { given } from './dom.js';

const WORK = '/api/work/';
const arrived = performance.getEntriesByType('navigation')[0]?.responseStart ?? 0;
const listeners = new Set();
let reached = true;

export class Problem extends Error {
  constructor(status, said) {
    super(said);
    this.status = status;
  }

  /** Whether the same call may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status >= 500;
  }
}

/** Now by the server's clock, in seconds since the epoch. */
export const now = () => given.now + (performance.now() - arrived) / 1000;

/** Hear of it when the server is reached or no longer reached. */
export const onReach = (hear) => listeners.add(hear);

function tell(is) {
  if (is === reached) return;
  reached = is;
  for (const hear of listeners) hear(is);
}

async function call(path, options) {
  let reply;
  try {
    reply = await fetch(path, { credentials: 'same-origin', ...options });
  } catch (failure) {
    if (failure.name === 'AbortError') throw failure;
    tell(false);
    throw new Problem(0, failure.message);
  }
  tell(true);
  return reply;
}

async function asked(path, options) {
  const reply = await call(WORK + path, options);
  const said = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Problem(reply.status, said.error ?? reply.statusText);
  return said;
}

/** POST JSON to the work API; `keepalive` lets it end after the page has gone. */
export function post(path, body, { signal, keepalive = false } = {}) {
  const headers = { 'Content-Type': 'application/json' };
  return asked(path, { method: 'POST', headers, body: JSON.stringify(body), signal, keepalive });
}

/** GET from the work API. */
export const get = (path) => asked(path, {});

/** Fetch a sound's bytes. */
export async function bytes(address) {
  const reply = await call(address, {});
  if (!reply.ok) throw new Problem(reply.status, reply.statusText);
  return reply.blob();
}

/** Tell the server something while the page goes away. */
export function beacon(path, body) {
  return navigator.sendBeacon(WORK + path, new Blob([JSON.stringify(body)], { type: 'application/json' }));
}
