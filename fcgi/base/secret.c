/* Secrets: kept, compared, sealed and wiped; never printed. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

#define FILE_MAX ((size_t)65536)
#define KEY_LEN ((size_t)32)
#define NONCE_LEN 12 /* NIST SP 800-38D 5.2.1.1 */
#define TAG_LEN 16
#define SEALED_MAX ((size_t)1 << 20)

/* Only the library's own memory or installation can be at fault. */
static _Noreturn void
crypto_broken(const char *what)
{
	log_say(LOG_ERROR, "libcrypto: %s failed", what);
	_exit(70); /* EX_SOFTWARE */
}

void
secret_set(struct secret *s, const void *bytes, size_t len)
{
	s->bytes = heap_alloc(len + 1);
	if (len)
		memcpy(s->bytes, bytes, len);
	s->len = len;
}

void
secret_done(struct secret *s)
{
	if (s->bytes)
		OPENSSL_cleanse(s->bytes, s->len);
	heap_free(s->bytes);
	s->bytes = NULL;
	s->len = 0;
}

/* What is there, up to max; -1 with errno. */
static ssize_t
read_up_to(int fd, uint8_t *ret, size_t max)
{
	size_t len = 0;
	ssize_t n;

	while (len < max) {
		n = read(fd, ret + len, max - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

enum err
secret_read_file(struct ctx *cx, const char *path, struct secret *ret,
    bool *ret_open_to_others)
{
	uint8_t bytes[FILE_MAX + 1];
	enum err e = ERR_OK;
	struct stat st;
	ssize_t len = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(cx, ERR_INPUT, "cannot open %s: %m", path);
	if (fstat(fd, &st) < 0 ||
	    (len = read_up_to(fd, bytes, sizeof(bytes))) < 0) {
		e = fail(cx, ERR_INPUT, "cannot read %s: %m", path);
	} else if ((size_t)len > FILE_MAX) {
		e = fail(cx, ERR_INPUT, "%s is larger than 64 KiB", path);
	} else {
		if (len > 0 && bytes[len - 1] == '\n')
			len--;
		if (len > 0 && bytes[len - 1] == '\r')
			len--; /* a line's end made on Windows */
		if (len == 0)
			e = fail(cx, ERR_INPUT, "%s is empty", path);
	}
	close(fd);
	if (!e) {
		secret_set(ret, bytes, (size_t)len);
		*ret_open_to_others = (st.st_mode & S_IROTH) ||
		    ((st.st_mode & S_IRGRP) && st.st_uid != 0);
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return e;
}

bool
secret_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len &&
	    (a_len == 0 || CRYPTO_memcmp(a, b, a_len) == 0);
}

void
secret_hmac(const void *key, size_t key_len, const void *text, size_t len,
    uint8_t ret_mac[32])
{
	if (key_len > INT_MAX)
		crypto_broken("HMAC");
	/* A NULL key would mean "the one before" to OpenSSL. */
	if (!HMAC(EVP_sha256(), key_len ? key : "", (int)key_len,
	        len ? text : (const void *)"", len, ret_mac, NULL))
		crypto_broken("HMAC");
}

void
secret_sha256(const void *text, size_t len, uint8_t ret[32])
{
	if (!SHA256(len ? text : (const void *)"", len, ret))
		crypto_broken("SHA256");
}

struct seal_keys {
	int n;
	struct seal_key {
		uint8_t key[KEY_LEN];
		char id[9]; /* first 8 hex digits of the key's SHA-256 */
	} list[2];          /* [0] seals, all open */
};

static void
key_id(const uint8_t key[KEY_LEN], char ret[9])
{
	uint8_t hash[32];

	secret_sha256(key, KEY_LEN, hash);
	text_hex(hash, 4, ret);
}

enum err
seal_keys_parse(struct ctx *cx, const struct secret *text,
    struct seal_keys **ret)
{
	static const char blanks[] = " \t\r\n";
	const char *s = (const char *)text->bytes;
	struct seal_keys *k = heap_alloc(sizeof(*k));
	char line[2 * KEY_LEN + 1];
	size_t len, got;
	bool ok = text->len > 0 && strlen(s) == text->len;

	while (ok && *(s += strspn(s, blanks))) {
		len = strcspn(s, blanks);
		ok = k->n < 2 && len == 2 * KEY_LEN;
		if (!ok)
			break;
		memcpy(line, s, len);
		line[len] = '\0';
		ok = text_unhex(line, k->list[k->n].key, KEY_LEN, &got);
		key_id(k->list[k->n].key, k->list[k->n].id);
		k->n++;
		s += len;
	}
	OPENSSL_cleanse(line, sizeof(line));
	if (!ok || k->n == 0) {
		seal_keys_free(k);
		return fail(cx, ERR_INPUT,
		    "the seal key must be one or two lines of 64 hex digits");
	}
	*ret = k;
	return ERR_OK;
}

void
seal_keys_free(struct seal_keys *k)
{
	if (!k)
		return;
	OPENSSL_cleanse(k, sizeof(*k));
	heap_free(k);
}

/* AES-256-GCM; ret has room for len + TAG_LEN: the tag stands last. */
static void
gcm_seal(const uint8_t key[KEY_LEN], const uint8_t nonce[NONCE_LEN],
    const void *aad, size_t aad_len, const uint8_t *plain, size_t len,
    uint8_t *ret)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	if (!c ||
	    EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) != 1 ||
	    (aad_len &&
	        EVP_EncryptUpdate(c, NULL, &n, aad, (int)aad_len) != 1) ||
	    (len && EVP_EncryptUpdate(c, ret, &n, plain, (int)len) != 1) ||
	    EVP_EncryptFinal_ex(c, ret + len, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
	        ret + len) != 1)
		crypto_broken("AES-GCM");
	EVP_CIPHER_CTX_free(c);
}

/* sealed is len bytes and the tag behind; false: it is not authentic, and
 * ret holds nothing to be used. */
static bool
gcm_open(const uint8_t key[KEY_LEN], const uint8_t nonce[NONCE_LEN],
    const void *aad, size_t aad_len, const uint8_t *sealed, size_t len,
    uint8_t *ret)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_LEN];
	bool ok;
	int n;

	memcpy(tag, sealed + len, TAG_LEN); /* the call takes no const */
	if (!c ||
	    EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1 ||
	    (aad_len &&
	        EVP_DecryptUpdate(c, NULL, &n, aad, (int)aad_len) != 1) ||
	    (len && EVP_DecryptUpdate(c, ret, &n, sealed, (int)len) != 1))
		crypto_broken("AES-GCM");
	ok = EVP_DecryptFinal_ex(c, ret + len, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!ok && len)
		OPENSSL_cleanse(ret, len);
	return ok;
}

static char *
base64url(struct arena *a, const uint8_t *bytes, size_t len)
{
	char *text = arena_alloc(a, 4 * ((len + 2) / 3) + 1);

	text_base64url(bytes, len, text);
	return text;
}

char *
seal(struct ctx *cx, const struct seal_keys *k, const char *aad,
    const void *plain, size_t len)
{
	const struct seal_key *key = &k->list[0];
	uint8_t nonce[NONCE_LEN];
	uint8_t *body;

	if (len > SEALED_MAX)
		crypto_broken("sealing more than 1 MiB");
	/* Random nonces are safe for 2^32 sealings with one key (SP 800-38D
	 * section 8.3); what is sealed here are secrets people enter, and
	 * tokens each hour. */
	text_random(nonce, sizeof(nonce));
	body = arena_alloc(&cx->arena, len + TAG_LEN);
	gcm_seal(key->key, nonce, aad, strlen(aad), plain, len, body);
	return arena_printf(&cx->arena, "1.%s.%s.%s", key->id,
	    base64url(&cx->arena, nonce, sizeof(nonce)),
	    base64url(&cx->arena, body, len + TAG_LEN));
}

static void
wipe(void *object)
{
	struct secret *s = object;

	OPENSSL_cleanse(s->bytes, s->len);
}

enum err
unseal(struct ctx *cx, const struct seal_keys *k, const char *aad,
    const char *sealed, uint8_t **ret, size_t *ret_len)
{
	struct arena *a = &cx->arena;
	const size_t max = strlen(sealed);
	uint8_t nonce[NONCE_LEN];
	char *id, *nonce_text, *body_text;
	struct secret *plain;
	size_t len, body_len;
	uint8_t *body;
	int i;

	if (!text_starts(sealed, "1."))
		return fail(cx, ERR_INTERNAL, "sealed: not of a known form");
	id = arena_strdup(a, sealed + 2);
	nonce_text = strchr(id, '.');
	body_text = nonce_text ? strchr(nonce_text + 1, '.') : NULL;
	if (!body_text)
		return fail(cx, ERR_INTERNAL, "sealed: not of a known form");
	*nonce_text++ = '\0';
	*body_text++ = '\0';
	body = arena_alloc(a, max);
	if (!text_unbase64url(nonce_text, nonce, NONCE_LEN, &len) ||
	    len != NONCE_LEN ||
	    !text_unbase64url(body_text, body, max, &body_len) ||
	    body_len < TAG_LEN || body_len > SEALED_MAX + TAG_LEN)
		return fail(cx, ERR_INTERNAL, "sealed: not of a known form");
	for (i = 0; i < k->n && strcmp(k->list[i].id, id) != 0; i++)
		;
	if (i == k->n)
		return fail(cx, ERR_INTERNAL, "sealed: with a key that is not "
		    "in PRESENCE_SEAL_KEY_FILE");
	len = body_len - TAG_LEN;
	plain = arena_alloc(a, sizeof(*plain));
	plain->bytes = arena_alloc(a, len + 1);
	plain->len = len;
	arena_defer(a, wipe, plain);
	if (!gcm_open(k->list[i].key, nonce, aad, strlen(aad), body, len,
	        plain->bytes))
		return fail(cx, ERR_INTERNAL,
		    "sealed: changed, or moved from another row");
	plain->bytes[len] = '\0';
	*ret = plain->bytes;
	*ret_len = len;
	return ERR_OK;
}
