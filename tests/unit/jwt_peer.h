/*
 * Keys for the tests of jwt, made with OpenSSL alone. Each test includes it
 * whole, after base/jwt.c.
 */
#ifndef UNIT_JWT_PEER_H
#define UNIT_JWT_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1800000000
#define LOGIN "https://login.microsoftonline.com"
#define TID "11111111-2222-4333-8444-555555555555"
#define APP "0a1b2c3d-0000-4000-8000-00000000beef"

static EVP_PKEY *key1, *key2, *small_key, *ec_key;
static struct ctx cx;

static inline char *
encode(const void *bytes, size_t len)
{
	char *s = arena_alloc(&cx.arena, len * 4 / 3 + 8);
	size_t i, n;

	n = (size_t)EVP_EncodeBlock((unsigned char *)s, bytes, (int)len);
	for (i = 0; i < n; i++)
		s[i] = s[i] == '+' ? '-' : s[i] == '/' ? '_' : s[i];
	s[strcspn(s, "=")] = '\0';
	return s;
}

static int
make_keys(void **state)
{
	(void)state;
	key1 = EVP_RSA_gen(2048);
	key2 = EVP_RSA_gen(2048);
	small_key = EVP_RSA_gen(2040);
	ec_key = EVP_EC_gen("P-256");
	return key1 && key2 && small_key && ec_key ? 0 : -1;
}

static int
drop_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(key1);
	EVP_PKEY_free(key2);
	EVP_PKEY_free(small_key);
	EVP_PKEY_free(ec_key);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	ctx_init(&cx, NULL);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	ctx_done(&cx);
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
