/*
 * jwt: which key sets and tokens are accepted, and everything that must not
 * be. Tokens are made with OpenSSL alone, not with jwt.c's own library; one
 * signature is that of RFC 7515, A.2.
 */
#include "base/jwt.c"

#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "jwt_peer.h"

#define TEMPLATE LOGIN "/{tenantid}/v2.0"
#define ISSUER LOGIN "/" TID "/v2.0"
#define HEADER "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k1\"}"

/* key NULL: no signature at all. */
static char *
sign(const char *header, const char *claims, EVP_PKEY *key, const EVP_MD *md,
    bool pss)
{
	char *text = arena_printf(&cx.arena, "%s.%s",
	    encode(header, strlen(header)), encode(claims, strlen(claims)));
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY_CTX *p;
	uint8_t sig[1024];
	size_t len = sizeof(sig);

	if (!key) {
		EVP_MD_CTX_free(m);
		return arena_printf(&cx.arena, "%s.", text);
	}
	assert_int_equal(EVP_DigestSignInit(m, &p, md, NULL, key), 1);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(
	    EVP_DigestSign(m, sig, &len, (uint8_t *)text, strlen(text)), 1);
	EVP_MD_CTX_free(m);
	return arena_printf(&cx.arena, "%s.%s", text, encode(sig, len));
}

static char *
rs256(const char *header, const char *claims)
{
	return sign(header, claims, key1, EVP_sha256(), false);
}

/* Good claims but for one: its JSON, or NULL to leave it out. */
static char *
claims_but(const char *name, const char *value)
{
	const struct {
		const char *name, *value;
	} good[] = {
		{ "ver", "\"2.0\"" },
		{ "tid", "\"" TID "\"" },
		{ "iss", "\"" ISSUER "\"" },
		{ "aud", "\"" APP "\"" },
		{ "exp", "1800003600" },
		{ "nbf", "1800000000" },
		{ "iat", "1800000000" },
		{ "oid", "\"aaaaaaaa-0000-4000-8000-000000000011\"" },
	};
	char *s = arena_strdup(&cx.arena, "{\"sub\":\"x\"");
	const char *v;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		v = strcmp(good[i].name, name) == 0 ? value : good[i].value;
		if (v)
			s = arena_printf(
			    &cx.arena, "%s,\"%s\":%s", s, good[i].name, v);
	}
	return arena_printf(&cx.arena, "%s}", s);
}

static char *
good_claims(void)
{
	return claims_but("", NULL);
}

/* --- key sets ------------------------------------------------------------- */

static char *
number_of(EVP_PKEY *key, const char *name)
{
	uint8_t bytes[1024];
	BIGNUM *n = NULL;
	int len;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	len = BN_bn2bin(n, bytes);
	BN_free(n);
	return encode(bytes, (size_t)len);
}

static char *
jwk_json(EVP_PKEY *key, const char *kid, const char *more)
{
	return arena_printf(&cx.arena,
	    "{\"kty\":\"RSA\",\"kid\":\"%s\",\"n\":\"%s\",\"e\":\"%s\"%s}", kid,
	    number_of(key, OSSL_PKEY_PARAM_RSA_N),
	    number_of(key, OSSL_PKEY_PARAM_RSA_E), more);
}

static struct jwt_keys *
keys_of(const char *entries)
{
	char *json = arena_printf(&cx.arena, "{\"keys\":[%s]}", entries);
	struct jwt_keys *k = NULL;

	assert_int_equal(jwt_keys_parse(&cx, json, strlen(json), &k), ERR_OK);
	return k;
}

static struct jwt_keys *
good_keys(void)
{
	return keys_of(arena_printf(&cx.arena, "%s,%s",
	    jwk_json(key1, "k1",
		",\"use\":\"sig\",\"x5t\":\"k1\",\"x5c\":[\"AA==\"],"
		"\"issuer\":\"" TEMPLATE "\""),
	    jwk_json(key2, "k2", ",\"issuer\":\"" TEMPLATE "\"")));
}

static void
expect(const struct jwt_keys *k, const char *token, enum err want,
    const char *words)
{
	struct json_object *claims = NULL;
	enum err e;

	fail_forget(&cx);
	e = jwt_verify(&cx, k, token, LOGIN, APP, NOW, &claims);
	if (e != want)
		print_error("%s: %s\n", token, cx.detail);
	assert_int_equal(e, want);
	if (want != ERR_OK) {
		assert_null(claims);
		if (!strstr(cx.detail, words))
			print_error("\"%s\" has no \"%s\"\n", cx.detail, words);
		assert_non_null(strstr(cx.detail, words));
	} else {
		assert_string_equal(json_peek_text(claims, "tid"), TID);
	}
}

static void
key_set_leaves_out_what_cannot_sign(void **state)
{
	struct jwt_keys *k;
	char *ec = "{\"kty\":\"EC\",\"kid\":\"ec\",\"crv\":\"P-256\","
		   "\"x\":\"AA\",\"y\":\"AA\"}";

	(void)state;
	k = keys_of(arena_printf(&cx.arena, "%s,%s,%s,%s,%s,%s,null,7,[],%s",
	    ec, jwk_json(small_key, "small", ""),
	    jwk_json(key1, "enc", ",\"use\":\"enc\""),
	    jwk_json(key1, "ps", ",\"alg\":\"PS256\""), jwk_json(key1, "", ""),
	    jwk_json(key1, "odd", ",\"issuer\":7"),
	    jwk_json(key1, "k1", ",\"alg\":\"RS256\"")));
	assert_int_equal(k->n, 1);
	assert_true(jwt_keys_has(k, "k1"));
	assert_false(jwt_keys_has(k, "K1"));
	assert_false(jwt_keys_has(k, "small"));
	assert_false(jwt_keys_has(NULL, "k1"));
	jwt_keys_free(k);
	jwt_keys_free(NULL);
}

static void
key_set_takes_at_most_64(void **state)
{
	char *all = "", *kid;
	struct jwt_keys *k;
	int i;

	(void)state;
	for (i = 0; i < 70; i++) {
		kid = arena_printf(&cx.arena, "k%d", i);
		all = arena_printf(&cx.arena, "%s%s%s", all, i ? "," : "",
		    jwk_json(key1, kid, ""));
	}
	k = keys_of(all);
	assert_true(jwt_keys_has(k, "k63"));
	assert_false(jwt_keys_has(k, "k64"));
	jwt_keys_free(k);
}

static void
useless_key_sets_are_upstream_errors(void **state)
{
	static const char *const bad[] = { "", "{", "null", "[]", "{}",
		"{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[{}]}",
		"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AQ\","
		"\"e\":\"AQAB\"}]}",
		"<html>busy</html>" };
	struct jwt_keys *k = NULL;
	char *json;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fail_forget(&cx);
		assert_int_equal(
		    jwt_keys_parse(&cx, bad[i], strlen(bad[i]), &k),
		    ERR_UPSTREAM);
		assert_null(k);
	}
	/* exponent 1 would make every text its own signature */
	json = arena_printf(&cx.arena,
	    "{\"keys\":[{\"kty\":\"RSA\","
	    "\"kid\":\"a\",\"n\":\"%s\",\"e\":\"AQ\"}]}",
	    number_of(key1, OSSL_PKEY_PARAM_RSA_N));
	assert_int_equal(
	    jwt_keys_parse(&cx, json, strlen(json), &k), ERR_UPSTREAM);
}

/* --- tokens --------------------------------------------------------------- */

static void
rfc7515_a2_signature(void **state)
{
	static const char set[] =
	    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a2\",\"n\":\""
	    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-"
	    "Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG"
	    "6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9"
	    "e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT"
	    "6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDT"
	    "W9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}";
	static const char token[] =
	    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAs"
	    "DQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7A"
	    "AuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BA"
	    "ynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0Ga"
	    "rZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1p"
	    "hCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igc"
	    "N_IoypGlUPQGe77Rw";
	struct json_object *claims = NULL;
	struct jwt_keys *k = NULL;
	const char *kid;
	char *changed;

	(void)state;
	assert_int_equal(jwt_keys_parse(&cx, set, strlen(set), &k), ERR_OK);
	assert_int_equal(
	    open_signed(&cx, token, k->key[0].jwk, &claims), ERR_OK);
	assert_string_equal(json_peek_text(claims, "iss"), "joe");
	assert_int_equal(json_peek_int(claims, "exp", 0), 1300819380);
	changed = arena_strdup(&cx.arena, token);
	changed[30] ^= 1;
	assert_int_equal(
	    open_signed(&cx, changed, k->key[0].jwk, &claims), ERR_AUTH);
	/* The whole check wants a kid, which this token has not. */
	fail_forget(&cx);
	assert_int_equal(jwt_kid(&cx, token, &kid), ERR_AUTH);
	assert_string_equal(cx.detail, "token: header has no kid");
	jwt_keys_free(k);
}

static void
good_token_is_accepted(void **state)
{
	struct jwt_keys *k = good_keys();
	const char *kid;
	char *token = rs256(HEADER, good_claims());

	(void)state;
	expect(k, token, ERR_OK, "");
	assert_int_equal(jwt_kid(&cx, token, &kid), ERR_OK);
	assert_string_equal(kid, "k1");
	jwt_keys_free(k);
}

static void
wrong_headers_are_refused(void **state)
{
	static const struct {
		const char *header, *words;
	} bad[] = {
		{ "{\"alg\":\"none\",\"kid\":\"k1\"}", "alg" },
		{ "{\"alg\":\"None\",\"kid\":\"k1\"}", "alg" },
		{ "{\"alg\":\"RS512\",\"kid\":\"k1\"}", "alg" },
		{ "{\"alg\":\"ES256\",\"kid\":\"k1\"}", "alg" },
		{ "{\"alg\":\"rs256\",\"kid\":\"k1\"}", "alg" },
		{ "{\"alg\":[\"RS256\"],\"kid\":\"k1\"}", "alg" },
		{ "{\"kid\":\"k1\"}", "alg" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k1\",\"crit\":[\"exp\"]}",
		    "crit" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k1\",\"crit\":[]}", "crit" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k1\",\"crit\":\"x\"}", "crit" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k1\",\"crit\":null}", "crit" },
		{ "{\"alg\":\"RS256\"}", "kid" },
		{ "{\"alg\":\"RS256\",\"kid\":\"\"}", "kid" },
		{ "{\"alg\":\"RS256\",\"kid\":1}", "kid" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k3\"}", "unknown key" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k2\"}", "signature" },
		{ "[\"RS256\"]", "no object" },
		{ "null", "no object" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k1\"", "not JSON" },
		{ "{\"alg\":\"RS256\",\"kid\":\"k1\\u0000\"}", "not JSON" },
	};
	struct jwt_keys *k = good_keys();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(k, rs256(bad[i].header, good_claims()), ERR_AUTH,
		    bad[i].words);
	jwt_keys_free(k);
}

static void
wrong_algorithms_are_refused(void **state)
{
	static const char hs[] = "{\"alg\":\"HS256\",\"kid\":\"k1\"}";
	struct jwt_keys *k = good_keys();
	char *text, *pem;
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t mac[32];
	unsigned len;
	long pem_len;

	(void)state;
	expect(k,
	    sign("{\"alg\":\"none\",\"kid\":\"k1\"}", good_claims(), NULL, NULL,
		false),
	    ERR_AUTH, "not a signed JWT");
	expect(k,
	    sign("{\"alg\":\"PS256\",\"kid\":\"k1\"}", good_claims(), key1,
		EVP_sha256(), true),
	    ERR_AUTH, "alg");
	expect(k, sign(HEADER, good_claims(), key1, EVP_sha256(), true),
	    ERR_AUTH, "signature");
	expect(k, sign(HEADER, good_claims(), key1, EVP_sha512(), false),
	    ERR_AUTH, "signature");
	expect(k, sign(HEADER, good_claims(), key1, EVP_sha1(), false),
	    ERR_AUTH, "signature");
	expect(k, sign(HEADER, good_claims(), key2, EVP_sha256(), false),
	    ERR_AUTH, "signature");
	expect(k, sign(HEADER, good_claims(), ec_key, EVP_sha256(), false),
	    ERR_AUTH, "signature");

	/* The old trick: the public key's text as the secret of an HMAC. */
	PEM_write_bio_PUBKEY(bio, key1);
	pem_len = BIO_get_mem_data(bio, &pem);
	text = arena_printf(&cx.arena, "%s.%s", encode(hs, strlen(hs)),
	    encode(good_claims(), strlen(good_claims())));
	HMAC(EVP_sha256(), pem, (int)pem_len, (uint8_t *)text, strlen(text),
	    mac, &len);
	expect(k, arena_printf(&cx.arena, "%s.%s", text, encode(mac, len)),
	    ERR_AUTH, "alg");
	/* The same, but the header says RS256. */
	text = arena_printf(&cx.arena, "%s.%s", encode(HEADER, strlen(HEADER)),
	    encode(good_claims(), strlen(good_claims())));
	HMAC(EVP_sha256(), pem, (int)pem_len, (uint8_t *)text, strlen(text),
	    mac, &len);
	expect(k, arena_printf(&cx.arena, "%s.%s", text, encode(mac, len)),
	    ERR_AUTH, "signature");
	BIO_free(bio);
	jwt_keys_free(k);
}

static void
shapes_that_are_no_token(void **state)
{
	static const char *const bad[] = { "", ".", "..", "...", "a", "a.b",
		"a.b.", ".b.c", "a..c", "a.b.c.d", "a.b.c ", " a.b.c",
		"a.b.c=", "a+b.c.d", "a/b.c.d", "a.b.c.d.e" };
	struct jwt_keys *k = good_keys();
	char *token = rs256(HEADER, good_claims()), *longer;
	size_t i, len = strlen(token);

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(k, bad[i], ERR_AUTH, "not a signed JWT");
	expect(k, "a.b.c", ERR_AUTH, "header");
	longer = arena_alloc(&cx.arena, TOKEN_MAX + 2);
	memset(longer, 'a', TOKEN_MAX + 1);
	memcpy(longer, token, len);
	expect(k, longer, ERR_AUTH, "not a signed JWT");
	/* Cut anywhere, it is no longer good. */
	for (i = 0; i < len; i += 7)
		expect(
		    k, arena_strndup(&cx.arena, token, i), ERR_AUTH, "token: ");
	/* And so with any of its letters changed. */
	for (i = 0; i + 1 < len; i += 5) {
		longer = arena_strdup(&cx.arena, token);
		longer[i] = longer[i] == 'A' ? 'B' : 'A';
		if (token[i] != '.')
			expect(k, longer, ERR_AUTH, "token: ");
	}
	expect(k, rs256(HEADER, "[]"), ERR_AUTH, "no object");
	expect(k, rs256(HEADER, "null"), ERR_AUTH, "no object");
	expect(k, rs256(HEADER, "{\"a\":"), ERR_AUTH, "not JSON");
	jwt_keys_free(k);
}

static void
each_claim_must_be_right(void **state)
{
	static const struct {
		const char *name, *value, *words;
	} bad[] = {
		{ "ver", NULL, "ver" },
		{ "ver", "\"1.0\"", "ver" },
		{ "ver", "2.0", "ver" },
		{ "tid", NULL, "tid" },
		{ "tid", "\"common\"", "tid" },
		{ "tid", "\"" TID "x\"", "tid" },
		{ "tid", "7", "tid" },
		{ "tid", "\"11111111-2222-4333-8444-555555555556\"", "iss" },
		{ "iss", NULL, "iss" },
		{ "iss", "\"" LOGIN "/common/v2.0\"", "iss" },
		{ "iss", "\"" ISSUER "/\"", "iss" },
		{ "iss", "\"https://sts.windows.net/" TID "/\"", "iss" },
		{ "iss", "\"https://login.evil.example/" TID "/v2.0\"", "iss" },
		{ "iss", "\"" TEMPLATE "\"", "iss" },
		{ "aud", NULL, "aud" },
		{ "aud", "\"api://host/" APP "\"", "aud" },
		{ "aud", "[\"" APP "\"]", "aud" },
		{ "aud", "\"0a1b2c3d-0000-4000-8000-00000000beee\"", "aud" },
		{ "exp", NULL, "exp" },
		{ "exp", "1799999700", "exp" },
		{ "exp", "\"1800003600\"", "exp" },
		{ "exp", "1.8e9", "exp" },
		{ "exp", "-1", "exp" },
		{ "exp", "true", "exp" },
		{ "nbf", NULL, "nbf" },
		{ "nbf", "1800000301", "nbf" },
		{ "nbf", "\"1\"", "nbf" },
		{ "iat", NULL, "iat" },
		{ "iat", "1800000301", "iat" },
		{ "iat", "99999999999999999999", "iat" },
	};
	struct jwt_keys *k = good_keys();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect(k, rs256(HEADER, claims_but(bad[i].name, bad[i].value)),
		    ERR_AUTH, bad[i].words);
	/* 300 s of tolerance, to the second */
	expect(k, rs256(HEADER, claims_but("exp", "1799999701")), ERR_OK, "");
	expect(k, rs256(HEADER, claims_but("nbf", "1800000300")), ERR_OK, "");
	expect(k, rs256(HEADER, claims_but("iat", "1800000300")), ERR_OK, "");
	jwt_keys_free(k);
}

static void
details_hold_no_values(void **state)
{
	struct jwt_keys *k = good_keys();

	(void)state;
	expect(
	    k, rs256(HEADER, claims_but("aud", "\"hush\"")), ERR_AUTH, "aud");
	assert_null(strstr(cx.detail, "hush"));
	expect(k, rs256("{\"alg\":\"hush\",\"kid\":\"hush\"}", "{}"), ERR_AUTH,
	    "alg");
	assert_null(strstr(cx.detail, "hush"));
	expect(k, rs256("{\"alg\":\"RS256\",\"kid\":\"hush\"}", "{}"), ERR_AUTH,
	    "unknown");
	assert_null(strstr(cx.detail, "hush"));
	jwt_keys_free(k);
}

static void
personal_accounts_are_refused(void **state)
{
	struct jwt_keys *k = good_keys();
	static const char *const tids[] = { PERSONAL_TID,
		"9188040D-6C67-4C5B-B112-36A304B66DAD" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++)
		expect(k,
		    rs256(HEADER,
			arena_printf(&cx.arena,
			    "{\"ver\":\"2.0\",\"tid\":\"%s\",\"iss\":\"" LOGIN
			    "/%s/v2.0\",\"aud\":\"" APP "\",\"exp\":1800003600,"
			    "\"nbf\":1800000000,\"iat\":1800000000}",
			    tids[i], tids[i])),
		    ERR_AUTH, "personal");
	jwt_keys_free(k);
}

static void
key_binds_its_issuer(void **state)
{
	static const struct {
		const char *issuer;
		enum err want;
	} cases[] = {
		{ ",\"issuer\":\"" TEMPLATE "\"", ERR_OK },
		{ ",\"issuer\":\"" ISSUER "\"", ERR_OK },
		{ "", ERR_OK },
		{ ",\"issuer\":\"" LOGIN "/" PERSONAL_TID "/v2.0\"", ERR_AUTH },
		{ ",\"issuer\":\"https://login.evil.example/{tenantid}/v2.0\"",
		    ERR_AUTH },
		{ ",\"issuer\":\"{tenantid}\"", ERR_AUTH },
		{ ",\"issuer\":\"\"", ERR_AUTH },
	};
	struct jwt_keys *k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		k = keys_of(jwk_json(key1, "k1", cases[i].issuer));
		expect(k, rs256(HEADER, good_claims()), cases[i].want,
		    "another issuer");
		jwt_keys_free(k);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(key_set_leaves_out_what_cannot_sign),
		T(key_set_takes_at_most_64),
		T(useless_key_sets_are_upstream_errors),
		T(rfc7515_a2_signature),
		T(good_token_is_accepted),
		T(wrong_headers_are_refused),
		T(wrong_algorithms_are_refused),
		T(shapes_that_are_no_token),
		T(each_claim_must_be_right),
		T(details_hold_no_values),
		T(personal_accounts_are_refused),
		T(key_binds_its_issuer),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
