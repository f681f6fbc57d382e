/*
 * jwt on any bytes: as a token (its header, then the whole check against a
 * known key) and as a key set. Nothing may crash, and no token made up here
 * may be good, because nobody has the key.
 */
#include <stdlib.h>
#include <string.h>

#include "base/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The public key of RFC 7515, A.2. */
static const char set[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k1\",\"e\":\"AQAB\",\"n\":\""
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"
    "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG"
    "6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9"
    "e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT"
    "6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDT"
    "W9gb54h4FRWyuXpoQ\"}]}";

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct jwt_keys *keys;
	struct jwt_keys *parsed = NULL;
	struct json_object *claims;
	struct ctx cx;
	const char *kid;
	char *token;

	ctx_init(&cx, "00000000000000000000000000000000");
	if (!keys && jwt_keys_parse(&cx, set, strlen(set), &keys) != ERR_OK)
		abort();
	if (jwt_keys_parse(&cx, (const char *)bytes, len, &parsed) == ERR_OK)
		jwt_keys_free(parsed);
	token = arena_strndup(&cx.arena, (const char *)bytes, len);
	if (jwt_kid(&cx, token, &kid) == ERR_OK && kid[0] == '\0')
		abort();
	if (jwt_verify(&cx, keys, token, "https://login.example", "app",
		1800000000, &claims) == ERR_OK)
		abort();
	ctx_done(&cx);
	return 0;
}
