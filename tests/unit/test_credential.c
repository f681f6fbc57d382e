/* credential: a new certificate or secret is taken up from its files while the
 * program runs, and only when the files hold a good one. */
#include "base/log.h"

static int logged;

static void
fake_say(enum log_level level, const char *format, ...)
{
	(void)format;
	logged += level != LOG_ERROR;
}

#define log_say fake_say
#include "sync/credential.c"
#undef log_say

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "jwt_peer.h"

#define AUDIENCE LOGIN "/" TID "/oauth2/v2.0/token"

static char folder[40], cert_path[64], key_path[64], secret_path[64];
static char *cert1, *cert2, *cert2_longer, *pem1, *pem2;
static struct settings settings;
static struct credential *c;

/* --- files ------------------------------------------------------------------ */

static char *
text_of(BIO *bio)
{
	char *bytes, *text;
	long len = BIO_get_mem_data(bio, &bytes);

	text = calloc(1, (size_t)len + 1);
	memcpy(text, bytes, (size_t)len);
	BIO_free(bio);
	return text;
}

static char *
certificate(EVP_PKEY *key, int days)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), days);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + days * 86400);
	X509_set_pubkey(x, key);
	X509_sign(x, key, EVP_sha256());
	PEM_write_bio_X509(bio, x);
	X509_free(x);
	return text_of(bio);
}

static char *
private_key(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	return text_of(bio);
}

static void
put(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void
put_all(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

/* As an operator should: at once. */
static void
move_in(const char *path, const char *text)
{
	char beside[80];

	snprintf(beside, sizeof(beside), "%s.new", path);
	put_all(beside, text);
	assert_int_equal(rename(beside, path), 0);
}

static int
make_all(void **state)
{
	if (make_keys(state))
		return -1;
	snprintf(folder, sizeof(folder), "/tmp/presence-credential.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(cert_path, sizeof(cert_path), "%s/client.pem", folder);
	snprintf(key_path, sizeof(key_path), "%s/client.key", folder);
	snprintf(secret_path, sizeof(secret_path), "%s/secret", folder);
	cert1 = certificate(key1, 10);
	cert2 = certificate(key2, 20);
	cert2_longer = certificate(key2, 30);
	pem1 = private_key(key1);
	pem2 = private_key(key2);
	return 0;
}

static int
drop_all(void **state)
{
	free(cert1);
	free(cert2);
	free(cert2_longer);
	free(pem1);
	free(pem2);
	unlink(cert_path);
	unlink(key_path);
	unlink(secret_path);
	rmdir(folder);
	return drop_keys(state);
}

static int
begin_certificate(void **state)
{
	begin(state);
	logged = 0;
	put_all(cert_path, cert1);
	put_all(key_path, pem1);
	settings = (struct settings){ .client_id = APP,
		.client_cert_path = cert_path, .client_key_path = key_path };
	/* As they are read: without the last newline. */
	secret_set(&settings.client_cert, cert1, strlen(cert1) - 1);
	secret_set(&settings.client_key, pem1, strlen(pem1) - 1);
	assert_int_equal(credential_new(&cx, &settings, &c), ERR_OK);
	return 0;
}

static int
begin_secret(void **state)
{
	begin(state);
	logged = 0;
	put_all(secret_path, "first\n");
	settings = (struct settings){ .client_id = APP,
		.client_secret_path = secret_path };
	secret_set(&settings.client_secret, "first", 5);
	assert_int_equal(credential_new(&cx, &settings, &c), ERR_OK);
	return 0;
}

static int
end_all(void **state)
{
	credential_free(c);
	secret_done(&settings.client_cert);
	secret_done(&settings.client_key);
	secret_done(&settings.client_secret);
	return end(state);
}

/* In how many days what is in use ends: 10, 20 or 30 tell which it is. */
static int
days(void)
{
	return (int)((credential_expires_s(c) - NOW) / 86400);
}

/* The assertion that is made now is signed by this key. */
static bool
signed_by(EVP_PKEY *key)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pc;
	struct proof proof;
	uint8_t signature[512];
	const char *last;
	size_t n;
	bool ok;

	assert_int_equal(credential_prove(&cx, c, AUDIENCE, NOW, &proof),
	    ERR_OK);
	assert_null(proof.secret);
	last = strrchr(proof.assertion, '.');
	assert_true(text_unbase64url(last + 1, signature, sizeof(signature),
	    &n));
	EVP_DigestVerifyInit(m, &pc, EVP_sha256(), NULL, key);
	EVP_PKEY_CTX_set_rsa_padding(pc, RSA_PKCS1_PSS_PADDING);
	ok = EVP_DigestVerify(m, signature, n, (uint8_t *)proof.assertion,
	    (size_t)(last - proof.assertion)) == 1;
	EVP_MD_CTX_free(m);
	return ok;
}

/* --- tests ------------------------------------------------------------------ */

static void
nothing_new_is_nothing(void **state)
{
	(void)state;
	assert_false(credential_look(c));
	move_in(cert_path, cert1); /* another file, the same bytes */
	assert_false(credential_look(c));
	assert_int_equal(days(), 10);
	assert_int_equal(logged, 0);
	assert_string_equal(credential_kind(c), "certificate");
}

static void
a_pair_is_taken_when_both_are_there(void **state)
{
	(void)state;
	move_in(cert_path, cert2);
	assert_false(credential_look(c));
	assert_true(signed_by(key1));
	assert_int_equal(days(), 10);
	assert_false(credential_look(c));
	assert_int_equal(logged, 1); /* once, however often it is looked at */
	move_in(key_path, pem2);
	assert_true(credential_look(c));
	assert_true(signed_by(key2));
	assert_int_equal(days(), 20);
	assert_int_equal(logged, 2);
	assert_false(credential_look(c));
	assert_int_equal(logged, 2);
}

static void
the_key_may_come_first(void **state)
{
	(void)state;
	move_in(key_path, pem2);
	assert_false(credential_look(c));
	assert_true(signed_by(key1));
	move_in(cert_path, cert2);
	assert_true(credential_look(c));
	assert_true(signed_by(key2));
}

static void
a_new_certificate_of_the_same_key(void **state)
{
	(void)state;
	move_in(cert_path, cert2);
	move_in(key_path, pem2);
	assert_true(credential_look(c));
	put_all(cert_path, cert2_longer); /* the same length, the same moment */
	assert_true(credential_look(c));
	assert_int_equal(days(), 30);
}

static void
half_written_files_change_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < strlen(cert2) - 1; i += 97) {
		put(cert_path, cert2, i);
		assert_false(credential_look(c));
	}
	put_all(cert_path, cert2);
	for (i = 0; i < strlen(pem2) - 1; i += 97) {
		put(key_path, pem2, i);
		assert_false(credential_look(c));
		assert_true(signed_by(key1));
	}
	assert_int_equal(logged, 1);
	put_all(key_path, pem2);
	assert_true(credential_look(c));
}

static void
missing_files_change_nothing(void **state)
{
	(void)state;
	unlink(key_path);
	assert_false(credential_look(c));
	unlink(cert_path);
	assert_false(credential_look(c));
	assert_true(signed_by(key1));
	assert_int_equal(logged, 1);
	put_all(cert_path, cert1);
	put_all(key_path, pem1);
	assert_false(credential_look(c)); /* what it had */
	unlink(key_path);
	assert_false(credential_look(c));
	assert_int_equal(logged, 2); /* another time: told again */
}

static void
a_secret_is_taken_up(void **state)
{
	struct proof proof;

	(void)state;
	assert_false(credential_look(c));
	assert_string_equal(credential_kind(c), "secret");
	assert_int_equal(credential_expires_s(c), 0);
	put_all(secret_path, "");
	assert_false(credential_look(c));
	unlink(secret_path);
	assert_false(credential_look(c));
	assert_int_equal(credential_prove(&cx, c, AUDIENCE, NOW, &proof),
	    ERR_OK);
	assert_string_equal(proof.secret, "first");
	assert_null(proof.assertion);
	assert_int_equal(logged, 1);
	move_in(secret_path, "second\r\n");
	assert_true(credential_look(c));
	assert_int_equal(credential_prove(&cx, c, AUDIENCE, NOW, &proof),
	    ERR_OK);
	assert_string_equal(proof.secret, "second");
}

static _Atomic bool over;

static void *
look_on(void *arg)
{
	(void)arg;
	while (!atomic_load(&over))
		credential_look(c);
	return NULL;
}

/* One thread signs while others look and the operator changes his mind. */
static void
many_at_once(void **state)
{
	pthread_t threads[3];
	int i;

	(void)state;
	atomic_store(&over, false);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_on,
		    NULL), 0);
	for (i = 0; i < 20; i++) {
		move_in(cert_path, i % 2 ? cert1 : cert2);
		move_in(key_path, i % 2 ? pem1 : pem2);
		assert_true(signed_by(key1) || signed_by(key2) ||
		    signed_by(key1));
	}
	atomic_store(&over, true);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	credential_look(c);
	assert_true(signed_by(key1));
}

#define C(name) cmocka_unit_test_setup_teardown(name, begin_certificate, end_all)
#define S(name) cmocka_unit_test_setup_teardown(name, begin_secret, end_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		C(nothing_new_is_nothing),
		C(a_pair_is_taken_when_both_are_there),
		C(the_key_may_come_first),
		C(a_new_certificate_of_the_same_key),
		C(half_written_files_change_nothing),
		C(missing_files_change_nothing),
		C(many_at_once),
		S(a_secret_is_taken_up),
	};

	return cmocka_run_group_tests(tests, make_all, drop_all);
}
