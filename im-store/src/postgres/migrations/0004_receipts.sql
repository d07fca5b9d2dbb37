-- How far members have received and read. What was stored before this step counts as read.
ALTER TABLE members
    ADD COLUMN read_until      bigint NOT NULL DEFAULT 0, -- time of the last message that was read
    ADD COLUMN read_at         bigint,                    -- read mark
    ADD COLUMN read_changed_at bigint,                    -- when it was last raised
    ADD COLUMN delivered_at    bigint;                    -- delivery mark

UPDATE members
SET read_until = coalesce(conversations.last_message_at, 0)
FROM conversations
WHERE conversations.key = members.conversation;

ALTER TABLE messages
    ADD COLUMN receipt         boolean NOT NULL DEFAULT false, -- the author gets receipts
    ADD COLUMN acknowledged_at bigint;                         -- by the first receiver

CREATE INDEX messages_by_receipt ON messages (conversation, timestamp) WHERE receipt;
