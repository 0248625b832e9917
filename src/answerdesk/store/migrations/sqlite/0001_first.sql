-- expand
-- Rows keyed by the sequence number n stay flat as they grow; the wire shows n's permutation.
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  settings BLOB NOT NULL,
  balance INTEGER NOT NULL DEFAULT 0 CHECK (balance >= 0),
  held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
  open_tasks INTEGER NOT NULL DEFAULT 0 CHECK (open_tasks >= 0),
  day INTEGER NOT NULL DEFAULT 0,
  spent INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE keys (
  digest BLOB PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES accounts (id),
  tail TEXT NOT NULL,
  created INTEGER NOT NULL,
  revoked INTEGER
) WITHOUT ROWID;

CREATE TABLE tasks (
  n INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  type TEXT NOT NULL,
  kind TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
  cause TEXT,
  price INTEGER NOT NULL CHECK (price >= 0),
  question BLOB NOT NULL,
  lang TEXT,
  "group" TEXT NOT NULL,
  ip TEXT NOT NULL,
  created INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  rank INTEGER NOT NULL,
  route INTEGER NOT NULL,
  slots INTEGER NOT NULL,
  free_at INTEGER NOT NULL,
  review_at INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  solution BLOB NOT NULL,
  solve_count INTEGER NOT NULL,
  trail TEXT,
  place INTEGER NOT NULL,
  report TEXT,
  report_reason TEXT NOT NULL,
  refunded INTEGER NOT NULL,
  callback TEXT,
  dialect TEXT NOT NULL,
  soft_id INTEGER
);
-- A claim looks at the flows of a line in the order of their turns, and takes a flow's tasks in that of their rank.
-- The column of the condition is listed too, so that the index alone answers.
CREATE INDEX tasks_queue ON tasks (kind, "group", route, account, lang, rank, n, free_at, deadline, state) WHERE state = 0;
CREATE INDEX tasks_review ON tasks (review_at) WHERE state = 0;
CREATE INDEX tasks_account ON tasks (account, state, n);
CREATE INDEX tasks_settled ON tasks (account, place) WHERE state > 0;

CREATE TABLE lines (
  kind TEXT NOT NULL,
  "group" TEXT NOT NULL,
  route INTEGER NOT NULL,
  reached INTEGER NOT NULL,
  served INTEGER NOT NULL,
  PRIMARY KEY (kind, "group", route)
) WITHOUT ROWID;
CREATE TABLE flows (
  account INTEGER NOT NULL,
  kind TEXT NOT NULL,
  "group" TEXT NOT NULL,
  route INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  weight INTEGER NOT NULL CHECK (weight > 0),
  active INTEGER NOT NULL,
  PRIMARY KEY (account, kind, "group", route)
) WITHOUT ROWID;
CREATE INDEX flows_next ON flows (kind, "group", route, turn, account, weight, active) WHERE active = 1;

-- All media of a task in one value, one after the other; `sizes` is the JSON list of their lengths.
CREATE TABLE contents (
  n INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  sizes TEXT NOT NULL,
  data BLOB NOT NULL
);

CREATE TABLE leases (
  token TEXT NOT NULL UNIQUE,
  n INTEGER NOT NULL,
  account INTEGER NOT NULL,
  solver INTEGER NOT NULL,
  machine INTEGER NOT NULL,
  given INTEGER NOT NULL,
  until INTEGER NOT NULL,
  pay INTEGER NOT NULL,
  outcome TEXT,
  said BLOB NOT NULL,
  confidence REAL,
  verdict BLOB,
  ended INTEGER NOT NULL,
  shown INTEGER NOT NULL,
  extended INTEGER NOT NULL,
  PRIMARY KEY (n, account, token)
) WITHOUT ROWID;
CREATE INDEX leases_live ON leases (solver, until, n) WHERE outcome IS NULL;
-- What a solver said, and how fast, from the newest back.
CREATE INDEX leases_said ON leases (solver, ended, outcome, shown) WHERE outcome IS NOT NULL;

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  move TEXT NOT NULL,
  amount INTEGER NOT NULL,
  account INTEGER NOT NULL,
  solver INTEGER NOT NULL,
  n INTEGER NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX entries_account ON entries (account, id);
CREATE INDEX entries_solver ON entries (solver, id) WHERE solver > 0;
-- The ledger is never pruned, and what was spent lately must not cost more by its length.
CREATE INDEX entries_charged ON entries (account, at, n, amount) WHERE move = 'charge';

CREATE TABLE replays (
  account INTEGER NOT NULL,
  key TEXT NOT NULL,
  body BLOB NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (account, key, n)
) WITHOUT ROWID;
CREATE INDEX replays_task ON replays (n);

CREATE TABLE callbacks (
  n INTEGER NOT NULL,
  account INTEGER NOT NULL,
  url TEXT NOT NULL,
  host TEXT NOT NULL,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (n, account)
) WITHOUT ROWID;
-- What is owed is looked for host by host, so that a host to which much is owed costs no more than another.
CREATE INDEX callbacks_due ON callbacks (host, due) WHERE state = 'owed';
CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  n INTEGER NOT NULL,
  account INTEGER NOT NULL,
  at INTEGER NOT NULL,
  status INTEGER NOT NULL,
  detail TEXT NOT NULL,
  milliseconds INTEGER NOT NULL
);
CREATE INDEX attempts_task ON attempts (n, account);

CREATE TABLE solvers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  token BLOB UNIQUE,
  grants BLOB NOT NULL,
  seen INTEGER NOT NULL
);

-- Sums over the ledger and over judged answers, written in the units that write those: neither is ever added up anew.
CREATE TABLE wages (
  solver INTEGER NOT NULL,
  day INTEGER NOT NULL,
  earned INTEGER NOT NULL,
  paid INTEGER NOT NULL,
  PRIMARY KEY (solver, day)
) WITHOUT ROWID;
CREATE TABLE standings (
  solver INTEGER PRIMARY KEY,
  said INTEGER NOT NULL,
  judged INTEGER NOT NULL,
  agreed INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  shown_judged INTEGER NOT NULL,
  shown_agreed INTEGER NOT NULL
);
-- How machines' answers compare with people's: counts alone, by how sure the machine was.
CREATE TABLE comparisons (
  type TEXT NOT NULL,
  profile TEXT NOT NULL,
  solver INTEGER NOT NULL,
  day INTEGER NOT NULL,
  permille INTEGER NOT NULL,
  compared INTEGER NOT NULL,
  agreed INTEGER NOT NULL,
  PRIMARY KEY (type, profile, solver, day, permille)
) WITHOUT ROWID;
CREATE INDEX comparisons_day ON comparisons (day);

CREATE TABLE people (id INTEGER PRIMARY KEY, handle TEXT NOT NULL UNIQUE, about BLOB NOT NULL);
-- Who has the cookie or the address of which only a digest lies here is signed in, or may sign in once.
CREATE TABLE sessions (
  digest BLOB PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES people (id),
  created INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  until INTEGER NOT NULL,
  agent TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_person ON sessions (person);
CREATE TABLE links (
  digest BLOB PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES people (id),
  purpose TEXT NOT NULL,
  until INTEGER NOT NULL,
  used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX links_person ON links (person);

CREATE TABLE prices (
  account INTEGER NOT NULL,
  type TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  pay INTEGER NOT NULL CHECK (pay >= 0),
  PRIMARY KEY (account, type)
) WITHOUT ROWID;

CREATE TABLE rules (type TEXT PRIMARY KEY, rules BLOB NOT NULL) WITHOUT ROWID;
