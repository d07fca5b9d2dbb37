ALTER TABLE versions ADD COLUMN isolation TEXT NOT NULL DEFAULT 'per-call';
