-- Calls on their way to another queue are looked for every few seconds, among many that wait here.
CREATE INDEX hook_calls_in_outbox ON hook_calls (id) WHERE channel = 'outbox';
