-- What the settings of an app in the IM core begin with; NULL for an app that is older than profiles.
ALTER TABLE apps ADD COLUMN profile TEXT;
