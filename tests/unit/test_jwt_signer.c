/* jwt: client assertions, taken apart and verified with OpenSSL alone. */
#include "base/jwt.c"

#include <openssl/rsa.h>

#include "jwt_peer.h"

static size_t
decode(const char *s, size_t len, uint8_t *ret)
{
	char padded[8192];
	size_t i, pad = (4 - len % 4) % 4;
	int n;

	assert_true(len + pad < sizeof(padded));
	for (i = 0; i < len; i++)
		padded[i] = s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i];
	memset(padded + len, '=', pad);
	n = EVP_DecodeBlock(ret, (unsigned char *)padded, (int)(len + pad));
	assert_true(n >= 0);
	return (size_t)n - pad;
}

static X509 *
certificate(EVP_PKEY *key)
{
	X509 *c = X509_new();

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
	ASN1_TIME_set(X509_getm_notBefore(c), NOW);
	ASN1_TIME_set(X509_getm_notAfter(c), NOW + 86400);
	X509_set_pubkey(c, key);
	assert_true(X509_sign(c, key, EVP_sha256()) > 0);
	return c;
}

static struct secret
pem_of(X509 *cert, EVP_PKEY *key, const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct secret s = { 0 };
	char *bytes;
	long len;

	if (cert)
		PEM_write_bio_X509(bio, cert);
	if (key)
		PEM_write_bio_PrivateKey(bio, key,
		    password ? EVP_aes_256_cbc() : NULL, NULL, 0, NULL,
		    (void *)(uintptr_t)password);
	len = BIO_get_mem_data(bio, &bytes);
	secret_set(&s, bytes, (size_t)len);
	BIO_free(bio);
	return s;
}

static void
assertion_is_what_entra_wants(void **state)
{
	X509 *cert = certificate(key1);
	struct secret c = pem_of(cert, NULL, NULL),
		      p = pem_of(NULL, key1, NULL);
	struct jwt_signer *s = NULL;
	struct json_object *o;
	char *token, *second, *dot, *last, *der64;
	uint8_t bytes[4096], digest[32], *der = NULL;
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pc;
	size_t n;
	int der_len;

	(void)state;
	assert_int_equal(jwt_signer_new(&cx, &c, &p, &s), ERR_OK);
	assert_int_equal(jwt_signer_expires_s(s), NOW + 86400);
	assert_int_equal(
	    jwt_assertion(
		&cx, s, LOGIN "/" TID "/oauth2/v2.0/token", APP, NOW, &token),
	    ERR_OK);
	assert_int_equal(jwt_assertion(&cx, s, "x", APP, NOW, &second), ERR_OK);
	jwt_signer_free(s);

	dot = strchr(token, '.');
	last = strrchr(token, '.');
	n = decode(token, (size_t)(dot - token), bytes);
	assert_int_equal(json_read(&cx, (char *)bytes, n, &o), ERR_OK);
	assert_int_equal(json_object_object_length(o), 3);
	assert_string_equal(json_peek_text(o, "alg"), "PS256");
	assert_string_equal(json_peek_text(o, "typ"), "JWT");
	der_len = i2d_X509(cert, &der);
	EVP_Digest(der, (size_t)der_len, digest, NULL, EVP_sha256(), NULL);
	der64 = encode(digest, 32);
	assert_string_equal(json_peek_text(o, "x5t#S256"), der64);
	OPENSSL_free(der);

	n = decode(dot + 1, (size_t)(last - dot - 1), bytes);
	assert_int_equal(json_read(&cx, (char *)bytes, n, &o), ERR_OK);
	assert_string_equal(
	    json_peek_text(o, "aud"), LOGIN "/" TID "/oauth2/v2.0/token");
	assert_string_equal(json_peek_text(o, "iss"), APP);
	assert_string_equal(json_peek_text(o, "sub"), APP);
	assert_int_equal(json_peek_int(o, "nbf", 0), NOW);
	assert_int_equal(json_peek_int(o, "iat", 0), NOW);
	assert_int_equal(json_peek_int(o, "exp", 0), NOW + 300);
	assert_true(text_is_uuid(json_peek_text(o, "jti")));

	n = decode(last + 1, strlen(last + 1), bytes);
	EVP_DigestVerifyInit(m, &pc, EVP_sha256(), NULL, key1);
	EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
	EVP_PKEY_CTX_set_rsa_pss_saltlen(pc, 32);
	assert_int_equal(EVP_DigestVerify(m, bytes, n, (uint8_t *)token,
			     (size_t)(last - token)),
	    1);
	EVP_MD_CTX_free(m);

	n = decode(strchr(second, '.') + 1,
	    strcspn(strchr(second, '.') + 1, "."), bytes);
	bytes[n] = '\0';
	assert_null(strstr((char *)bytes, json_peek_text(o, "jti")));
	X509_free(cert);
	secret_done(&c);
	secret_done(&p);
}

static void
signer_refuses_what_does_not_fit(void **state)
{
	X509 *cert = certificate(key1), *ec_cert = certificate(ec_key);
	struct secret c = pem_of(cert, NULL, NULL),
		      ec_c = pem_of(ec_cert, NULL, NULL),
		      p = pem_of(NULL, key1, NULL),
		      other = pem_of(NULL, key2, NULL),
		      ec = pem_of(NULL, ec_key, NULL),
		      locked = pem_of(NULL, key1, "pass"),
		      junk = { (uint8_t *)(uintptr_t) "junk", 4 };
	const struct {
		const struct secret *cert, *key;
		const char *words;
	} bad[] = {
		{ &junk, &p, "client certificate: no PEM" },
		{ &p, &p, "client certificate: no PEM" },
		{ &c, &junk, "client key: no PEM" },
		{ &c, &c, "client key: no PEM" },
		{ &c, &locked, "without password" },
		{ &c, &other, "does not belong" },
		{ &ec_c, &ec, "not an RSA key" },
	};
	struct jwt_signer *s = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fail_forget(&cx);
		assert_int_equal(
		    jwt_signer_new(&cx, bad[i].cert, bad[i].key, &s),
		    ERR_INPUT);
		assert_non_null(strstr(cx.detail, bad[i].words));
		assert_null(s);
	}
	jwt_signer_free(NULL);
	X509_free(cert);
	X509_free(ec_cert);
	secret_done(&c);
	secret_done(&ec_c);
	secret_done(&p);
	secret_done(&other);
	secret_done(&ec);
	secret_done(&locked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(assertion_is_what_entra_wants),
		T(signer_refuses_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
