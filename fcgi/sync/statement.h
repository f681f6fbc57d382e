/*
 * Every SQL text of the programs, by name: each is one call of a function of
 * sql/api. Lists for pages come out as the JSON that the page gets.
 */
#ifndef SYNC_STATEMENT_H
#define SYNC_STATEMENT_H

#include "base/db.h"

/* The level of sql/api that these texts belong to (presence.schema_level). */
#define SCHEMA_LEVEL 2

enum statement_name {
	ST_SCHEMA_LEVEL,
	/* the rooms */
	ST_APPLY,               /* batch jsonb */
	ST_APPLY_RESTART,       /* tenant, pbx, event us, attempt us, key */
	ST_CALL_OVER,           /* tenant, pbx, call -> extensions */
	ST_PBX_DOOR,            /* pbx */
	ST_PBX_REFUSED,         /* pbx, why */
	ST_PBX_UNKNOWN,         /* pbx, extension */
	ST_CAPTURE_ADD,         /* tenant, pbx, key, method, query, headers json,
				   body, cut, status, detail -> goes on? */
	ST_RECORD,              /* results jsonb */
	ST_PROBE_RECORD,        /* tenant, no, result, retry after s, detail */
	ST_DUE_TAKE,            /* most */
	ST_PBX_API_TAKE,        /* -> see tend.c */
	ST_PBX_API_DONE,        /* tenant, pbx, claim, state, problem, left s */
	ST_PBX_TOLD,            /* tenant, pbx, extension, calls json, asked us
	                           -> jobs */
	ST_CLOCK_US,
	ST_CLOCK_JUMPED,
	ST_RETENTION_SWEEP,     /* days of the log */
	/* the tab */
	ST_PERSON_VIEW,         /* tenant, person -> json */
	ST_MONITORING_SET,      /* tenant, person, name, upn, on -> jobs */
	ST_PERSON_CLEAR,        /* tenant, person, by -> jobs */
	/* sign-in and consent */
	ST_OAUTH_BEGIN,         /* state hash, browser hash, purpose, nonce,
	                           verifier, next, tenant */
	ST_OAUTH_TAKE,          /* state hash, browser hash, purpose */
	ST_SESSION_NEW,         /* hash, tenant, person, name, roles json, csrf */
	ST_SESSION_FIND,        /* hash -> tenant, person, name, roles json, csrf */
	ST_SESSION_END,         /* hash */
	ST_CONSENT_BEGIN,       /* tenant, person, name -> jobs */
	ST_CONSENT_PROBE,       /* tenant -> jobs */
	/* the dashboard */
	ST_TENANT_ENSURE,       /* tenant, name, a new one's lease */
	ST_TENANT_VIEW,         /* tenant, credential's state by its end -> json */
	ST_TENANT_CONSENT,      /* tenant -> consent, problem */
	ST_TENANT_SETTINGS,     /* tenant, after_call, ringing, lease, by */
	ST_APP_PACKAGE_TAKEN,   /* tenant */
	ST_PBX_NEW,             /* tenant, pbx, name, platform, auth, sealed,
	                           max_call_s, allow json, by */
	ST_PBX_LIST,            /* tenant, public url -> json */
	ST_PBX_GET,             /* tenant, pbx, public url -> json */
	ST_PBX_FORM,            /* tenant, pbx -> platform, auth */
	ST_PBX_CHANGE,          /* tenant, pbx, name, max_call_s, allow json, by */
	ST_PBX_SECRET,          /* tenant, pbx, sealed, by -> old one's end */
	ST_PBX_DELETE,          /* tenant, pbx, by -> jobs */
	ST_PBX_API_SET,         /* tenant, pbx, url, domain, sealed, by */
	ST_PBX_API_GET,         /* tenant, pbx -> json, sealed, url, domain */
	ST_PBX_API_DELETE,      /* tenant, pbx, by */
	ST_CAPTURE_START,       /* tenant, pbx, key, by */
	ST_CAPTURE_DELETE,      /* tenant, pbx, by */
	ST_CAPTURE_VIEW,        /* tenant, pbx -> json */
	ST_CAPTURE_ROWS,        /* tenant, pbx, no or NULL -> no, at, method, query,
				   headers json, body, cut, status, detail,
				   platform, auth */
	ST_EXTENSION_LIST,      /* tenant, pbx, after, most -> json */
	ST_EXTENSION_IMPORT,    /* tenant, pbx, lines json, dry run, by */
	ST_EXTENSION_DELETE,    /* tenant, pbx, extension, by -> jobs */
	ST_PEOPLE_LIST,         /* tenant, after, q, most -> json */
	ST_PERSON_ONE,          /* tenant, person -> json */
	ST_ACTIVITY_LIST,       /* tenant, before id, most -> json */
	ST_HEALTH_VIEW,         /* tenant, credential kind, end, days -> json */
	/* presencectl */
	ST_TENANT_LIST,
	ST_LINK_ONE,            /* tenant, pbx, extension, person, name, upn -> jobs */
	ST__MAX
};

extern const struct statement statements[ST__MAX];

/* The columns of all that brings jobs, see jobs_from_rows. */
enum job_column {
	ROW_KIND, ROW_I, ROW_OUTCOME, ROW_TENANT_ID, ROW_USER_ID, ROW_GOAL,
	ROW_GOAL_NO, ROW_CLAIM_NO, ROW_EXPIRES_S
};

#endif
