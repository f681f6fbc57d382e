-- Recording requests: the next 20, for 24 h, by the key of this recording; whose they are.
\ir lib.psql
SELECT test.nordwind();
CREATE FUNCTION test.add_one(k text, pbx text DEFAULT 'main', org text DEFAULT 'nordwind')
RETURNS boolean LANGUAGE sql AS $$
SELECT capture_add(test.id(org), test.id(pbx), k, 'POST', '', '{"content-type: application/json"}',
    '{}', false, 400, 'why')
$$;
CREATE FUNCTION test.state(pbx text DEFAULT 'main') RETURNS text LANGUAGE sql AS $$
SELECT coalesce((SELECT s.left_n || ' left' FROM capture_state(test.id('nordwind'), test.id(pbx)) s), 'off')
    || ', ' || (SELECT count(*) FROM capture_rows(test.id('nordwind'), test.id(pbx), NULL)) || ' kept, door '
    || coalesce((SELECT capture_key FROM pbx_door(test.id(pbx))), '-')
$$;
\echo off: nothing is stored
SELECT test.add_one('k1'), test.add_one(NULL), test.state();
\echo 20 and no more; the key goes with the last
SELECT capture_start(test.id('nordwind'), test.id('main'), 'k1', test.id('admin'));
SELECT test.state();
SELECT test.add_one('k2'), test.add_one('k1', 'other'), test.add_one('k1', 'main', 'sudhang'), test.state();
SELECT count(*) FILTER (WHERE goes_on), count(*) FILTER (WHERE NOT goes_on)
FROM (SELECT test.add_one('k1') AS goes_on FROM generate_series(1, 25)) x;
SELECT test.state(), (SELECT count(*) FROM pbx WHERE capture_key IS NOT NULL OR capture_until_at IS NOT NULL);
SELECT min(no), max(no), count(DISTINCT no) FROM capture;
SELECT no, method, headers, body, cut, status, detail, platform, auth
FROM capture_rows(test.id('nordwind'), test.id('main'), 7);
SELECT no FROM capture_rows(test.id('nordwind'), test.id('main'), 21);
\echo begun anew: the old ones go
SELECT capture_start(test.id('nordwind'), test.id('main'), 'k3', test.id('admin'));
SELECT test.state(), test.add_one('k1'), test.add_one('k3'), test.state();
\echo deleted, which also ends it
SELECT capture_delete(test.id('nordwind'), test.id('main'), test.id('admin'));
SELECT test.state(), test.add_one('k3');
\echo it ends by itself after 24 h; requests go after 7 days
SELECT capture_start(test.id('nordwind'), test.id('main'), 'k4', test.id('admin'));
SELECT test.add_one('k4'), test.pass(24 * 3600 - 60), test.add_one('k4'), test.state();
SELECT test.pass(61), test.add_one('k4'), test.state();
SELECT retention_sweep(90);
SELECT count(*), test.state() FROM pbx WHERE capture_key IS NOT NULL;
SELECT test.pass(6 * 86400), retention_sweep(90), test.state();
SELECT retention_sweep(90), test.state();
\echo with the PBX it goes as well
SELECT capture_start(test.id('nordwind'), test.id('main'), 'k5', test.id('admin'));
SELECT test.add_one('k5'), test.add_one('k5');
SELECT count(*) FROM pbx_delete(test.id('nordwind'), test.id('main'), NULL);
SELECT count(*) FROM capture;
\echo those of another tenant are not there
SELECT test.tenant('sudhang', 'south');
SELECT capture_start(test.id('nordwind'), test.id('south'), 'k', NULL);
SELECT capture_delete(test.id('nordwind'), test.id('south'), NULL);
SELECT * FROM capture_state(test.id('nordwind'), test.id('south'));
SELECT * FROM capture_rows(test.id('nordwind'), test.id('south'), NULL);
\echo the log says who looked at what
SELECT type, outcome, detail, count(*) FROM event WHERE kind = 'admin' AND outcome LIKE 'recording%' GROUP BY 1, 2, 3 ORDER BY 2;
