-- A clear that Teams could not be told before the next call came is still owed
-- when that call ends untold as well.

ALTER TABLE presence.teams_user
    ADD COLUMN owed_no bigint;          -- the number of that goal; NULL: none is owed
