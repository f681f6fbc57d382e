/*
 * json on any bytes: nothing may crash, json-c must build whatever our own
 * grammar let through, and no text in the tree may hide a NUL or broken UTF-8.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check(struct json_object *o)
{
	const char *s;
	size_t len, i;

	switch (json_object_get_type(o)) {
	case json_type_string:
		s = json_object_get_string(o);
		len = (size_t)json_object_get_string_len(o);
		if (strlen(s) != len || !text_is_utf8(s, len))
			abort();
		break;
	case json_type_array:
		for (i = 0; i < json_object_array_length(o); i++)
			check(json_object_array_get_idx(o, i));
		break;
	case json_type_object: {
		json_object_object_foreach(o, name, member)
		{
			if (!text_is_utf8(name, strlen(name)))
				abort();
			check(member);
		}
		break;
	}
	default:
		break;
	}
}

/* Questions in each type; what is answered must keep its bounds. */
static void
ask(struct ctx *cx, struct json_object *o)
{
	const char *s = NULL;
	int64_t n = 7;
	bool b = false;

	if (json_member_text(cx, o, "", "a", false, 1, 8, &s) == ERR_OK && s &&
	    (strlen(s) < 1 || strlen(s) > 8))
		abort();
	if (json_member_int(cx, o, "", "a", false, -9, 9, &n) == ERR_OK &&
	    (n < -9 || n > 9))
		abort();
	if (json_member_bool(cx, o, "", "a", false, &b) == ERR_INPUT &&
	    cx->detail[0] == '\0')
		abort();
	json_peek_text(o, "a");
	json_peek_int(o, "a", 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct json_object *o = NULL;
	struct ctx cx;
	enum err e;

	ctx_init(&cx, "00000000000000000000000000000000");
	e = json_read(&cx, (const char *)bytes, len, &o);
	if (e != ERR_OK && e != ERR_INPUT)
		abort();
	if (e == ERR_OK) {
		check(o);
		ask(&cx, o);
	}
	ctx_done(&cx);
	return 0;
}
