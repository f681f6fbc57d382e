/* The table of platforms, and the auth that all have in common. */
#include "pbx/platform.h"

#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "pbx/generic.h"
#include "pbx/platforms.h"

#define PATH_SECRET_MAX 256

static const struct platform *const platforms[] = {
	&platform_generic,
	&platform_action_url,
	&platform_amazon_connect,
	&platform_broadworks,
	&platform_dialpad,
	&platform_kazoo,
	&platform_netsapiens,
	&platform_placetel,
	&platform_poly,
	&platform_ringcentral,
	&platform_ringlogix,
	&platform_twilio,
	&platform_united_cloud,
	&platform_viirtue,
	&platform_webex,
	&platform_wildix,
	&platform_yeastar,
	&platform_yeastar_s,
	&platform_zoom_phone,
};

const struct platform *
platform_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
		if (strcmp(platforms[i]->name, name) == 0)
			return platforms[i];
	return NULL;
}

const struct platform *
platform_at(size_t i)
{
	if (i >= sizeof(platforms) / sizeof(platforms[0]))
		return NULL;
	return platforms[i];
}

bool
pbx_auth_parse(const char *word, enum pbx_auth *ret)
{
	if (strcmp(word, "signature") == 0)
		*ret = AUTH_SIGNATURE;
	else if (strcmp(word, "path") == 0)
		*ret = AUTH_PATH;
	else
		return false;
	return true;
}

const char *
pbx_auth_name(enum pbx_auth a)
{
	return a == AUTH_PATH ? "path" : "signature";
}

char *
path_secret_new(struct ctx *cx)
{
	uint8_t bytes[32];
	char text[4 * ((sizeof(bytes) + 2) / 3) + 1];

	text_random(bytes, sizeof(bytes));
	text_base64url(bytes, sizeof(bytes), text);
	return arena_strdup(&cx->arena, text);
}

enum err
path_secret_check(struct ctx *cx, const char *secret)
{
	size_t i, len = strlen(secret);

	if (len == 0 || len > PATH_SECRET_MAX || !text_is_utf8(secret, len))
		return fail(cx, ERR_INPUT,
		    "secret is not text of 1 to %d bytes", PATH_SECRET_MAX);
	if (strcmp(secret, ".") == 0 || strcmp(secret, "..") == 0)
		return fail(cx, ERR_INPUT,
		    "secret is a step in a path, which senders leave out");
	for (i = 0; i < len; i++)
		if ((unsigned char)secret[i] < 0x20 || secret[i] == 0x7f)
			return fail(
			    cx, ERR_INPUT, "secret holds a control character");
	return ERR_OK;
}

enum err
path_secret_verify(
    struct ctx *cx, const char *given, const struct pbx_secret *secrets, int n)
{
	bool right = false;
	int i;

	/* All are compared, so that the time tells nothing. */
	for (i = 0; i < n; i++)
		right |= secret_equal(
		    given, strlen(given), secrets[i].text, secrets[i].len);
	if (!right)
		return fail(cx, ERR_AUTH, "the address is not right");
	return ERR_OK;
}
