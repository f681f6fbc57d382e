/*
 * JSON Web Tokens, see jwt.h. libcjose verifies and signs; which algorithm,
 * which key and which claims are good is decided here, because libcjose
 * takes any algorithm, ignores crit and looks at no claim.
 */
#include "base/jwt.h"

#include <cjose/cjose.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

#define SKEW_S 300
#define ASSERTION_S 300
#define TOKEN_MAX 16384 /* Entra's tokens have 1 to 4 kB */
#define KID_MAX 256
#define KEYS_MAX 64
#define RSA_MIN_BITS 2048
#define RSA_MAX_BYTES 1024 /* a longer key only burns our time */
#define PERSONAL_TID "9188040d-6c67-4c5b-b112-36a304b66dad"

struct jwt_key {
	char *kid;
	char *issuer; /* NULL: the set does not say */
	cjose_jwk_t *jwk;
};

struct jwt_keys {
	size_t n;
	struct jwt_key key[KEYS_MAX];
};

struct jwt_signer {
	cjose_jwk_t *jwk;
	char x5t[48]; /* base64url of the certificate's SHA-256 */
	int64_t expires_s;
};

/* --- key sets ------------------------------------------------------------- */

/* A big-endian number in base64url without its leading zeros. */
static bool
read_number(struct json_object *o, const char *name, uint8_t *ret, size_t max,
    size_t *ret_len)
{
	const char *s = json_peek_text(o, name);
	size_t zeros = 0, len;

	if (!s || !text_unbase64url(s, ret, max, &len))
		return false;
	while (zeros < len && ret[zeros] == 0)
		zeros++;
	len -= zeros;
	memmove(ret, ret + zeros, len);
	*ret_len = len;
	return len > 0 && (ret[len - 1] & 1); /* n and e are odd */
}

static bool
is_or_absent(struct json_object *o, const char *name, const char *want)
{
	const char *have = json_peek_text(o, name);

	return !json_peek(o, name) || (have && strcmp(have, want) == 0);
}

/* false: not a key that may have signed a token of Entra. */
static bool
key_parse(struct json_object *o, struct jwt_key *ret)
{
	uint8_t n[RSA_MAX_BYTES], e[8];
	cjose_jwk_rsa_keyspec spec = { .n = n, .e = e };
	const char *kty = json_peek_text(o, "kty");
	const char *kid = json_peek_text(o, "kid");
	const char *issuer = json_peek_text(o, "issuer");

	if (!kty || strcmp(kty, "RSA") != 0 || !kid || !kid[0] ||
	    strlen(kid) > KID_MAX || !is_or_absent(o, "use", "sig") ||
	    !is_or_absent(o, "alg", "RS256"))
		return false;
	if (json_peek(o, "issuer") && !issuer)
		return false;
	if (!read_number(o, "n", n, sizeof(n), &spec.nlen) ||
	    !read_number(o, "e", e, sizeof(e), &spec.elen))
		return false;
	if (spec.nlen < RSA_MIN_BITS / 8 ||
	    (spec.nlen == RSA_MIN_BITS / 8 && n[0] < 0x80))
		return false;
	if (spec.elen == 1 && e[0] == 1)
		return false;
	ret->jwk = cjose_jwk_create_RSA_spec(&spec, NULL);
	if (!ret->jwk)
		return false;
	ret->kid = heap_strdup(kid);
	ret->issuer = issuer ? heap_strdup(issuer) : NULL;
	return true;
}

enum err
jwt_keys_parse(
    struct ctx *cx, const char *json, size_t len, struct jwt_keys **ret)
{
	struct json_object *set, *list;
	struct jwt_keys *k;
	size_t i;

	if (json_read(cx, json, len, &set) != ERR_OK) {
		fail_forget(cx);
		return fail(cx, ERR_UPSTREAM, "key set: not JSON");
	}
	list = json_peek(set, "keys");
	if (!json_object_is_type(list, json_type_array))
		return fail(cx, ERR_UPSTREAM, "key set: no array named keys");
	k = heap_alloc(sizeof(*k));
	for (i = 0; i < json_object_array_length(list); i++) {
		if (k->n == KEYS_MAX)
			break;
		if (key_parse(
			json_object_array_get_idx(list, i), &k->key[k->n]))
			k->n++;
	}
	if (k->n == 0) {
		jwt_keys_free(k);
		return fail(cx, ERR_UPSTREAM, "key set: no usable RSA key");
	}
	*ret = k;
	return ERR_OK;
}

void
jwt_keys_free(struct jwt_keys *k)
{
	size_t i;

	if (!k)
		return;
	for (i = 0; i < k->n; i++) {
		heap_free(k->key[i].kid);
		heap_free(k->key[i].issuer);
		cjose_jwk_release(k->key[i].jwk);
	}
	heap_free(k);
}

static const struct jwt_key *
key_find(const struct jwt_keys *k, const char *kid)
{
	size_t i;

	for (i = 0; k && i < k->n; i++)
		if (strcmp(k->key[i].kid, kid) == 0)
			return &k->key[i];
	return NULL;
}

bool
jwt_keys_has(const struct jwt_keys *k, const char *kid)
{
	return key_find(k, kid) != NULL;
}

/* --- verifying ------------------------------------------------------------ */

/* Three parts of base64url with dots between, none empty. */
static bool
is_compact(const char *token)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *s = token;
	int part;
	size_t len;

	if (strnlen(token, TOKEN_MAX + 1) > TOKEN_MAX)
		return false;
	for (part = 0; part < 3; part++) {
		len = strspn(s, alphabet);
		s += len;
		if (len == 0 || *s != (part < 2 ? '.' : '\0'))
			return false;
		s += part < 2;
	}
	return true;
}

enum err
jwt_kid(struct ctx *cx, const char *token, const char **ret_kid)
{
	struct json_object *header;
	const char *alg, *kid;
	char *part;
	uint8_t *text;
	size_t len, max;

	if (!is_compact(token))
		return fail(cx, ERR_AUTH, "token: not a signed JWT");
	part = arena_strndup(&cx->arena, token, strcspn(token, "."));
	max = strlen(part);
	text = arena_alloc(&cx->arena, max);
	if (!text_unbase64url(part, text, max, &len))
		return fail(cx, ERR_AUTH, "token: header is not base64url");
	if (json_read(cx, (const char *)text, len, &header) != ERR_OK) {
		fail_forget(cx);
		return fail(cx, ERR_AUTH, "token: header is not JSON");
	}
	if (!json_object_is_type(header, json_type_object))
		return fail(cx, ERR_AUTH, "token: header is no object");
	alg = json_peek_text(header, "alg");
	if (!alg || strcmp(alg, "RS256") != 0)
		return fail(cx, ERR_AUTH, "token: alg is not RS256");
	if (json_object_object_get_ex(header, "crit", NULL))
		return fail(cx, ERR_AUTH, "token: crit is not supported");
	kid = json_peek_text(header, "kid");
	if (!kid || !kid[0] || strlen(kid) > KID_MAX)
		return fail(cx, ERR_AUTH, "token: header has no kid");
	*ret_kid = kid;
	return ERR_OK;
}

/* The issuer that a set gives for a key is for all tenants (a template) or
 * for one. Sets without the member bind no issuer. */
static bool
issuer_fits(
    struct ctx *cx, const char *of_key, const char *tid, const char *iss)
{
	static const char hole[] = "{tenantid}";
	const char *at;

	if (!of_key)
		return true;
	at = strstr(of_key, hole);
	if (at)
		of_key = arena_printf(&cx->arena, "%.*s%s%s",
		    (int)(at - of_key), of_key, tid, at + sizeof(hole) - 1);
	return strcmp(of_key, iss) == 0;
}

static bool
is_text(struct json_object *o, const char *name, const char *want)
{
	const char *have = json_peek_text(o, name);

	return have && strcmp(have, want) == 0;
}

static enum err
check_claims(struct ctx *cx, struct json_object *o, const struct jwt_key *key,
    const char *login_url, const char *client_id, int64_t now_s)
{
	const char *tid = json_peek_text(o, "tid"), *iss;
	int64_t exp = json_peek_int(o, "exp", INT64_MIN);
	int64_t nbf = json_peek_int(o, "nbf", INT64_MAX);
	int64_t iat = json_peek_int(o, "iat", INT64_MAX);

	if (!is_text(o, "ver", "2.0"))
		return fail(cx, ERR_AUTH, "token: ver is not 2.0");
	if (!tid || !text_is_uuid(tid))
		return fail(cx, ERR_AUTH, "token: tid is no GUID");
	if (text_same_word(tid, PERSONAL_TID))
		return fail(
		    cx, ERR_AUTH, "token: tid is that of personal accounts");
	iss = arena_printf(&cx->arena, "%s/%s/v2.0", login_url, tid);
	if (!is_text(o, "iss", iss))
		return fail(cx, ERR_AUTH, "token: iss does not fit tid");
	if (!issuer_fits(cx, key->issuer, tid, iss))
		return fail(cx, ERR_AUTH,
		    "token: the key belongs to another issuer than iss");
	if (!is_text(o, "aud", client_id))
		return fail(cx, ERR_AUTH, "token: aud is not this application");
	if (exp <= now_s - SKEW_S)
		return fail(cx, ERR_AUTH, "token: exp is missing or past");
	if (nbf > now_s + SKEW_S)
		return fail(cx, ERR_AUTH, "token: nbf is missing or to come");
	if (iat > now_s + SKEW_S)
		return fail(cx, ERR_AUTH, "token: iat is missing or to come");
	return ERR_OK;
}

static void
release_jws(void *jws)
{
	cjose_jws_release(jws);
}

/* What the key says is signed: an object. */
static enum err
open_signed(struct ctx *cx, const char *token, const cjose_jwk_t *jwk,
    struct json_object **ret_claims)
{
	struct json_object *claims;
	const char *alg;
	cjose_jws_t *jws;
	uint8_t *text;
	size_t len;

	jws = cjose_jws_import(token, strlen(token), NULL);
	if (!jws)
		return fail(cx, ERR_AUTH, "token: not a signed JWT");
	arena_defer(&cx->arena, release_jws, jws);
	/* Asked once more of the reader that picks the algorithm. */
	alg =
	    cjose_header_get(cjose_jws_get_protected(jws), CJOSE_HDR_ALG, NULL);
	if (!alg || strcmp(alg, CJOSE_HDR_ALG_RS256) != 0)
		return fail(cx, ERR_AUTH, "token: alg is not RS256");
	if (!cjose_jws_verify(jws, jwk, NULL))
		return fail(cx, ERR_AUTH, "token: the signature is wrong");
	if (!cjose_jws_get_plaintext(jws, &text, &len, NULL))
		return fail(cx, ERR_AUTH, "token: no claims");
	if (json_read(cx, (const char *)text, len, &claims) != ERR_OK) {
		fail_forget(cx);
		return fail(cx, ERR_AUTH, "token: claims are not JSON");
	}
	if (!json_object_is_type(claims, json_type_object))
		return fail(cx, ERR_AUTH, "token: claims are no object");
	*ret_claims = claims;
	return ERR_OK;
}

enum err
jwt_verify(struct ctx *cx, const struct jwt_keys *keys, const char *token,
    const char *login_url, const char *client_id, int64_t now_s,
    struct json_object **ret_claims)
{
	const struct jwt_key *key;
	struct json_object *claims = NULL;
	const char *kid = "";
	enum err e;

	e = jwt_kid(cx, token, &kid);
	if (e)
		return e;
	key = key_find(keys, kid);
	if (!key)
		return fail(cx, ERR_AUTH, "token: signed by an unknown key");
	e = open_signed(cx, token, key->jwk, &claims);
	if (e)
		return e;
	e = check_claims(cx, claims, key, login_url, client_id, now_s);
	if (e)
		return e;
	*ret_claims = claims;
	return ERR_OK;
}

/* --- signing -------------------------------------------------------------- */

/* No question at the terminal: a key with a password is not for a server. */
static int
no_password(char *ret, int size, int writing, void *arg)
{
	(void)ret;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static X509 *
read_certificate(const struct secret *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->len);
	X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);

	BIO_free(bio);
	return cert;
}

static EVP_PKEY *
read_key(const struct secret *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

	BIO_free(bio);
	return key;
}

/* libcjose reads no PEM: it gets the numbers of the key, one by one. */
static cjose_jwk_t *
jwk_of(const EVP_PKEY *key)
{
	cjose_jwk_rsa_keyspec s = { 0 };
	const struct {
		const char *name;
		uint8_t **bytes;
		size_t *len;
	} parts[] = {
		{ OSSL_PKEY_PARAM_RSA_N, &s.n, &s.nlen },
		{ OSSL_PKEY_PARAM_RSA_E, &s.e, &s.elen },
		{ OSSL_PKEY_PARAM_RSA_D, &s.d, &s.dlen },
		{ OSSL_PKEY_PARAM_RSA_FACTOR1, &s.p, &s.plen },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, &s.q, &s.qlen },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT1, &s.dp, &s.dplen },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, &s.dq, &s.dqlen },
		{ OSSL_PKEY_PARAM_RSA_COEFFICIENT1, &s.qi, &s.qilen },
	};
	cjose_jwk_t *jwk = NULL;
	BIGNUM *number;
	size_t i, n = sizeof(parts) / sizeof(parts[0]);

	for (i = 0; i < n; i++) {
		number = NULL;
		if (!EVP_PKEY_get_bn_param(key, parts[i].name, &number))
			break;
		*parts[i].len = (size_t)BN_num_bytes(number);
		*parts[i].bytes = heap_alloc(*parts[i].len);
		BN_bn2bin(number, *parts[i].bytes);
		BN_clear_free(number);
	}
	if (i == n)
		jwk = cjose_jwk_create_RSA_spec(&s, NULL);
	for (i = 0; i < n; i++) {
		if (*parts[i].bytes)
			OPENSSL_cleanse(*parts[i].bytes, *parts[i].len);
		heap_free(*parts[i].bytes);
	}
	return jwk;
}

static enum err
signer_fill(struct ctx *cx, X509 *cert, EVP_PKEY *key, struct jwt_signer *s)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len;
	struct tm tm = { 0 };

	if (!cert)
		return fail(cx, ERR_INPUT,
		    "client certificate: no PEM certificate in it");
	if (!key)
		return fail(cx, ERR_INPUT,
		    "client key: no PEM private key without password in it");
	if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < RSA_MIN_BITS)
		return fail(cx, ERR_INPUT,
		    "client key: not an RSA key of at least %d bits",
		    RSA_MIN_BITS);
	if (X509_check_private_key(cert, key) != 1)
		return fail(cx, ERR_INPUT,
		    "client key: does not belong to the certificate");
	if (!X509_digest(cert, EVP_sha256(), digest, &len) ||
	    !ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm))
		return fail(cx, ERR_INPUT, "client certificate: unreadable");
	text_base64url(digest, len, s->x5t);
	s->expires_s = timegm(&tm);
	s->jwk = jwk_of(key);
	if (!s->jwk)
		return fail(
		    cx, ERR_INPUT, "client key: not a key of two primes");
	return ERR_OK;
}

enum err
jwt_signer_new(struct ctx *cx, const struct secret *cert_pem,
    const struct secret *key_pem, struct jwt_signer **ret)
{
	struct jwt_signer *s = heap_alloc(sizeof(*s));
	X509 *cert = read_certificate(cert_pem);
	EVP_PKEY *key = read_key(key_pem);
	enum err e = signer_fill(cx, cert, key, s);

	X509_free(cert);
	EVP_PKEY_free(key);
	if (e) {
		jwt_signer_free(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void
jwt_signer_free(struct jwt_signer *s)
{
	if (!s)
		return;
	cjose_jwk_release(s->jwk);
	heap_free(s);
}

int64_t
jwt_signer_expires_s(const struct jwt_signer *s)
{
	return s->expires_s;
}

enum err
jwt_assertion(struct ctx *cx, const struct jwt_signer *s, const char *audience,
    const char *client_id, int64_t now_s, char **ret)
{
	cjose_header_t *header = cjose_header_new(NULL);
	cjose_jws_t *jws = NULL;
	const char *token;
	struct buf claims;
	char jti[37];

	text_uuid_random(jti);
	buf_init(&claims, &cx->arena, 8192);
	buf_text(&claims, "{\"aud\":");
	buf_json(&claims, audience);
	buf_text(&claims, ",\"iss\":");
	buf_json(&claims, client_id);
	buf_text(&claims, ",\"sub\":");
	buf_json(&claims, client_id);
	buf_printf(&claims,
	    ",\"jti\":\"%s\",\"nbf\":%" PRId64 ",\"iat\":%" PRId64
	    ",\"exp\":%" PRId64 "}",
	    jti, now_s, now_s, now_s + ASSERTION_S);

	if (header && !claims.overflow &&
	    cjose_header_set(
		header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_PS256, NULL) &&
	    cjose_header_set(header, "typ", "JWT", NULL) &&
	    cjose_header_set(header, "x5t#S256", s->x5t, NULL))
		jws = cjose_jws_sign(s->jwk, header,
		    (const uint8_t *)buf_str(&claims), claims.len, NULL);
	if (header)
		cjose_header_release(header);
	if (!jws)
		return fail(cx, ERR_INTERNAL, "client assertion: not signed");
	arena_defer(&cx->arena, release_jws, jws);
	if (!cjose_jws_export(jws, &token, NULL))
		return fail(cx, ERR_INTERNAL, "client assertion: not signed");
	*ret = arena_strdup(&cx->arena, token);
	return ERR_OK;
}
