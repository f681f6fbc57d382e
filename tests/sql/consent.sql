-- R11: a person's own switch. R12 and R14: the tenant's consent.
\ir lib.psql
SELECT test.tenant('nordwind', 'main');
SELECT test.add('nordwind', 'anna', 'main', '1001');
SELECT test.add('nordwind', 'bert', 'main', '1002');

\echo R11: the switch is off at first; events of that person leave no trace
SELECT test.ev('phone.off_hook', '1001', key => 'k1');
SELECT count(*) FROM call_leg;
SELECT count(*) FROM event_key;
SELECT count(*) FROM assertion;
SELECT count(*) FROM event WHERE kind = 'event';
SELECT last_event_at IS NOT NULL FROM pbx;
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('anna'), 'Anna', 'anna@x', true) j;
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('bert'), NULL, NULL, true) j;
\echo R11: later news of a live call counts; the key was not taken
SELECT test.ev('phone.off_hook', '1001', key => 'k1');

\echo R12: without consent legs are followed, nothing is sent
SELECT test.ev('call.answered', '1002', 'c1');
SELECT test.view('anna'), test.due_in('anna');
SELECT test.due();
SELECT test.ev('call.ended', '1002', 'c1');
SELECT test.view('bert');
SELECT test.ev('call.answered', '1002', 'c2');

\echo the administrator comes back: pending, asked of Graph at once
SELECT test.jobs(j) FROM consent_begin(test.id('nordwind'), test.id('admin'), 'Ada Admin') j;
SELECT consent, granted_by_name FROM tenant_view(test.id('nordwind'));
SELECT consent, problem FROM probe_record(test.id('nordwind'), 1, 'forbidden', NULL, NULL);
SELECT test.pass(1), test.due(), test.pass(1.5), test.due();
\echo granted in mid-call: published
SELECT consent FROM probe_record(test.id('nordwind'), 2, 'ok', NULL, NULL);
SELECT test.due();
SELECT test.graph('anna', 'ok');
SELECT test.graph('bert', 'ok');
\echo granted stays granted while it is asked again
SELECT test.jobs(j) FROM consent_begin(test.id('nordwind'), test.id('admin'), 'Ada Admin') j;
SELECT consent FROM tenant;
SELECT consent, problem FROM probe_record(test.id('nordwind'), 3, 'failed', NULL, NULL);
SELECT consent FROM probe_record(test.id('nordwind'), 3, 'ok', NULL, NULL);

\echo lost while nobody publishes: what was told is unknown; followed on
SELECT test.ev('call.ended', '1002', 'c2');
SELECT test.graph('bert', 'lost', why => 'not_consented');
SELECT consent, consent_problem FROM tenant;
SELECT test.view('anna');
SELECT test.view('bert');
SELECT test.ev('phone.on_hook', '1001');
SELECT test.ev('phone.off_hook', '1001');
SELECT problem FROM person_view(test.id('nordwind'), test.id('anna'));
\echo a lost tenant is asked after 2, 5, 10, 20, 40, 60 s, then every 5 min
CREATE FUNCTION test.pause() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    s numeric := (SELECT round(extract(epoch FROM probe_at - clock_timestamp())) FROM tenant);
    asked text;
BEGIN
    PERFORM test.pass(s - 1);
    asked := test.due();
    PERFORM test.pass(1.5);
    asked := concat_ws(', then ', asked, test.due());
    PERFORM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'forbidden', NULL, NULL);
    RETURN concat_ws(' ', s, 's:', asked, '-', (SELECT consent FROM tenant));
END $$;
SELECT test.pause() FROM generate_series(1, 9);
\echo it is back, but by now each Busy has run out: nothing is left to end
SELECT test.ev('phone.on_hook', '1001'), test.view('anna');
SELECT test.consent('nordwind', 'ok');
SELECT test.due(), test.view('anna');
\echo open legs are published, an unexpired Busy without legs is ended
SELECT test.ev('phone.off_hook', '1001');
SELECT test.graph('anna', 'ok');
SELECT test.ev('phone.off_hook', '1002');
SELECT test.graph('bert', 'ok');
SELECT test.consent('nordwind', 'lost', 'disabled_by_admin');
SELECT test.ev('phone.on_hook', '1002');
SELECT test.pass(10), test.consent('nordwind', 'ok'), test.due();
SELECT test.graph('anna', 'ok');
SELECT test.graph('bert', 'ok');

\echo lost while a renewal is under way: what it renews is unknown as well
SELECT test.pass(601), test.due();
SELECT test.ev('phone.off_hook', '1002'), test.graph('bert', 'lost', why => 'not_consented');
SELECT test.graph('anna', 'forbidden'), test.view('anna');
SELECT test.consent('nordwind', 'ok'), test.due();
SELECT test.graph('anna', 'ok'), test.graph('bert', 'ok');
\echo ... and when that renewal was the last that Microsoft let pass: renewed once it is back
SELECT test.pass(601), test.due();
SELECT test.graph('bert', 'lost', why => 'not_consented'), test.graph('anna', 'ok'), test.view('anna');
SELECT test.pass(1000), test.due(), test.consent('nordwind', 'ok'), test.due();
SELECT test.graph('anna', 'ok'), test.graph('bert', 'ok');
SELECT test.ev('phone.on_hook', '1002'), test.graph('bert', 'ok');
\echo R14: a bad credential is an action item, never the consent
SELECT test.ev('phone.on_hook', '1001');
SELECT test.graph('anna', 'credential', why => '7000222');
SELECT consent, item_credential, credential_problem FROM tenant_view(test.id('nordwind'));
SELECT test.pass(5), test.due(), test.graph('anna', 'ok');
SELECT consent, item_credential, credential_problem FROM tenant_view(test.id('nordwind'));
\echo it seems to be good again: asked soon, though the last pause was long
UPDATE tenant SET probe_until_at = NULL, probe_attempts = 9;
SELECT consent FROM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'credential', NULL, '7000222');
SELECT test.pass(30), test.due();
SELECT test.ev('phone.off_hook', '1001'), test.graph('anna', 'credential', why => '7000222');
UPDATE tenant SET probe_at = clock_timestamp() + interval '300 s';
SELECT test.pass(2), test.due(), test.graph('anna', 'ok');
SELECT test.pass(1.5), test.due();
SELECT consent FROM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'ok', NULL, NULL);
SELECT item_credential, credential_problem FROM tenant_view(test.id('nordwind'));
\echo a probe finds it good: who waits for the next attempt is told now
SELECT test.ev('phone.off_hook', '1002'), test.graph('bert', 'credential', why => '700027');
SELECT test.pass(2), test.due(), test.graph('bert', 'credential', why => '700027'),
    (SELECT at > clock_timestamp() FROM due WHERE user_id = test.id('bert'));
SELECT consent FROM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'ok', NULL, NULL);
SELECT test.due_in('bert'), test.due(), test.graph('bert', 'ok');
\echo a Busy that cannot be renewed: once it has run out the person is told why
SELECT test.pass(601), test.due();
SELECT test.graph('anna', 'credential', why => '7000222');
SELECT problem FROM person_view(test.id('nordwind'), test.id('anna'));
SELECT test.pass(300);
SELECT availability, problem FROM person_view(test.id('nordwind'), test.id('anna'));
SELECT test.ev('phone.on_hook', '1001'), test.ev('phone.on_hook', '1002');
SELECT problem FROM person_view(test.id('nordwind'), test.id('anna'));
UPDATE teams_user SET claim_until_at = NULL;
UPDATE tenant SET credential_problem = NULL, probe_until_at = NULL;
\echo granted: asked again within the hour
SELECT consent FROM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'ok', NULL, NULL);
SELECT test.pass(3590), test.due(), test.pass(15), test.due();
SELECT consent FROM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'ok', NULL, NULL);
SELECT test.ev('phone.off_hook', '1001'), test.graph('anna', 'ok'), test.ev('phone.on_hook', '1001'), test.graph('anna', 'ok');

\echo R11: off deletes the legs without a tombstone and clears, before others
SELECT test.ev('call.answered', '1001', 'o1');
SELECT test.graph('anna', 'ok');
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('anna'), NULL, NULL, false) j;
SELECT test.view('anna');
SELECT count(*) FROM call_end WHERE call_id = 'o1';
SELECT test.ev('call.held', '1001', 'o1');
SELECT test.graph('anna', 'ok'), test.view('anna');
SELECT test.pass(1000), test.due(), test.due_in('anna');
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('anna'), NULL, NULL, false) j;
SELECT count(*) FROM event WHERE kind = 'switch' AND outcome = 'off';
\echo R11: on again in mid-call
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('anna'), NULL, NULL, true) j;
SELECT test.ev('call.held', '1001', 'o1');
\echo R11: off while Busy is under way: the clear follows
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('anna'), NULL, NULL, false) j;
SELECT test.due_in('anna'), test.view('anna');
SELECT test.graph('anna', 'ok');
SELECT test.graph('anna', 'ok'), test.view('anna');
\echo R11: the clear waits for the gate, and goes before the others
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('anna'), NULL, NULL, true) j;
SELECT test.ev('phone.off_hook', '1001');
SELECT test.graph('anna', 'ok');
SELECT test.ev('phone.off_hook', '1002');
SELECT test.graph('bert', 'throttled', 30);
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('anna'), NULL, NULL, false) j;
SELECT test.due_in('anna'), test.due_in('bert');
SELECT test.pass(29), test.due();
SELECT test.pass(2), test.due();
\echo R11: ... and is dropped when the lease has run out
SELECT test.graph('anna', 'throttled', 3600);
SELECT test.pass(860), test.due(), test.view('anna');
SELECT test.pass(20), test.due(), test.view('anna'), test.due_in('anna');
\echo never told anything: nothing to clear
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('carla'), 'Carla', NULL, true) j;
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('carla'), NULL, NULL, false) j;
SELECT goal, name FROM teams_user WHERE user_id = test.id('carla');
SELECT test.jobs(j) FROM monitoring_set(test.id('nowhere'), test.id('carla'), NULL, NULL, true) j;

\echo a tenant that nobody consented to is asked once, on demand
SELECT test.tenant('sudhang', 'south');
SELECT test.jobs(j) FROM consent_probe(test.id('sudhang')) j;
SELECT consent, problem FROM probe_record(test.id('sudhang'), 1, 'lost', NULL, 'not_consented');
SELECT test.pass(4000);
SELECT consent, probe_at FROM tenant WHERE tenant_id = test.id('sudhang');
SELECT test.jobs(j) FROM consent_probe(test.id('sudhang')) j;
SELECT consent, problem FROM probe_record(test.id('sudhang'), 2, 'ok', NULL, NULL);
