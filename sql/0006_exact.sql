-- Whether a due time is exact stands with each step; the functions that know the
-- type are made anew with it.
DROP TYPE IF EXISTS presence.step CASCADE;
