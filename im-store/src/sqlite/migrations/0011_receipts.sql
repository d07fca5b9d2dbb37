-- How far members have received and read. What was stored before this step counts as read.
ALTER TABLE members ADD COLUMN read_until INTEGER NOT NULL DEFAULT 0; -- time of the last message that was read
ALTER TABLE members ADD COLUMN read_at INTEGER;                       -- read mark
ALTER TABLE members ADD COLUMN read_changed_at INTEGER;               -- when it was last raised
ALTER TABLE members ADD COLUMN delivered_at INTEGER;                  -- delivery mark
UPDATE members
SET read_until = coalesce((SELECT last_message_at FROM conversations WHERE key = members.conversation), 0);

ALTER TABLE messages ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0; -- the author gets receipts
ALTER TABLE messages ADD COLUMN acknowledged_at INTEGER;            -- by the first receiver
CREATE INDEX messages_by_receipt ON messages (conversation, timestamp) WHERE receipt;
