/* Makes the Teams app package for this server: manifest and icons in a zip. */
#include "app/teams_app.h"

#include <string.h>
#include <zip.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/buf.h"
#include "sync/statement.h"

#define PACKAGE_MAX (1u << 20)

/* The template with its {{NAMES}} replaced; the values are this server's own
 * checked settings, so nothing in them needs escaping. */
static enum err
manifest(struct request *rq, struct buf *ret)
{
	const struct settings *s = desk_of(rq)->shared->settings;
	const struct { const char *name, *value; } values[] = {
		{ "{{PUBLIC_URL}}", s->public_url },
		{ "{{HOST}}", s->public_host },
		{ "{{CLIENT_ID}}", s->client_id },
		{ "{{APP_ID}}", s->client_id },
	};
	const char *at = teams_manifest, *open;
	size_t i;

	buf_init(ret, &rq->cx.arena, PACKAGE_MAX);
	while ((open = strstr(at, "{{")) != NULL) {
		buf_add(ret, at, (size_t)(open - at));
		for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			if (strncmp(open, values[i].name,
			    strlen(values[i].name)) == 0)
				break;
		if (i == sizeof(values) / sizeof(values[0]))
			return fail(&rq->cx, ERR_INTERNAL,
			    "manifest: a name is not known");
		buf_text(ret, values[i].value);
		at = open + strlen(values[i].name);
	}
	buf_text(ret, at);
	return ERR_OK;
}

static bool
add(zip_t *zip, const char *name, const char *bytes, size_t len)
{
	zip_source_t *source = zip_source_buffer(zip, bytes, len, 0);
	zip_int64_t i;

	if (source == NULL)
		return false;
	i = zip_file_add(zip, name, source, ZIP_FL_OVERWRITE);
	if (i < 0) {
		zip_source_free(source);
		return false;
	}
	/* The same package for the same server, whenever it is made. */
	return zip_file_set_mtime(zip, (zip_uint64_t)i, 1767225600, 0) == 0;
}

enum err
app_package_get(struct request *rq)
{
	zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, NULL);
	struct zip_stat stat;
	struct rows *rows;
	struct buf text;
	zip_t *zip;
	char *bytes;
	enum err e;

	if (target == NULL)
		return fail(&rq->cx, ERR_INTERNAL, "zip: no memory");
	arena_defer(&rq->cx.arena, (void (*)(void *))zip_source_free, target);
	e = manifest(rq, &text);
	if (e != ERR_OK)
		return e;
	zip_source_keep(target); /* zip_close takes one */
	zip = zip_open_from_source(target, ZIP_TRUNCATE, NULL);
	if (zip == NULL) {
		zip_source_free(target);
		return fail(&rq->cx, ERR_INTERNAL, "zip: cannot begin");
	}
	if (!add(zip, "manifest.json", buf_str(&text), text.len) ||
	    !add(zip, "color.png", teams_color,
	    (size_t)(teams_color_end - teams_color)) ||
	    !add(zip, "outline.png", teams_outline,
	    (size_t)(teams_outline_end - teams_outline)) ||
	    zip_close(zip) != 0) {
		zip_discard(zip);
		return fail(&rq->cx, ERR_INTERNAL, "zip: cannot write");
	}
	zip_stat_init(&stat);
	if (zip_source_stat(target, &stat) != 0 || stat.size > PACKAGE_MAX ||
	    zip_source_open(target) != 0)
		return fail(&rq->cx, ERR_INTERNAL, "zip: cannot read");
	bytes = arena_alloc(&rq->cx.arena, stat.size);
	if (zip_source_read(target, bytes, stat.size) !=
	    (zip_int64_t)stat.size)
		return fail(&rq->cx, ERR_INTERNAL, "zip: cannot read");
	zip_source_close(target);
	e = desk_call(rq, ST_APP_PACKAGE_TAKEN,
	    (const char *[]){ visitor_of(rq)->tenant_id }, &rows);
	if (e != ERR_OK)
		return e;
	response_header(rq, "Content-Disposition",
	    "attachment; filename=\"presence-sync.zip\"");
	response_bytes(rq, 200, "application/zip", bytes, stat.size);
	return ERR_OK;
}
