/* secret: the standards' vectors, files, and seals that notice everything. */
#include "base/secret.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#undef fail /* cmocka's; ours is a function */

static struct ctx cx;

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

/* Bytes from hex digits, in the arena. */
static uint8_t *
unhex(const char *hex, size_t *ret_len)
{
	uint8_t *bytes = arena_alloc(&cx.arena, strlen(hex) / 2 + 1);

	assert_true(text_unhex(hex, bytes, strlen(hex) / 2, ret_len));
	return bytes;
}

static char *
hex(const uint8_t *bytes, size_t len)
{
	char *text = arena_alloc(&cx.arena, 2 * len + 1);

	text_hex(bytes, len, text);
	return text;
}

/* RFC 4231: cases 1 to 4, 6 and 7 */
static void
hmac_agrees_with_rfc_4231(void **state)
{
	static const struct {
		const char *key, *text, *mac;
	} cases[] = {
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		    "4869205468657265",
		    "b0344c61d8db38535ca8afceaf0bf12b"
		    "881dc200c9833da726e9376c2e32cff7" },
		{ "4a656665",
		    "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    "dddddddddddddddddddddddddddddddddddddddddddddddddd"
		    "dddddddddddddddddddddddddddddddddddddddddddddddddd",
		    "773ea91e36800e46854db8ebd09181a7"
		    "2959098b3ef8c122d9635514ced565fe" },
		{ "0102030405060708090a0b0c0d0e0f10111213141516171819",
		    "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		    "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
		    "82558a389a443c0ea4cc819899f2083a"
		    "85f0faa3e578f8077a2e3ff46729665b" },
	};
	static const char case_6[] =
	    "Test Using Larger Than Block-Size Key - Hash Key First";
	static const char case_7[] =
	    "This is a test using a larger than block-size key and a larger "
	    "than block-size data. The key needs to be hashed before being "
	    "used by the HMAC algorithm.";
	uint8_t mac[32], *key, *text, long_key[131];
	size_t i, key_len, len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		key = unhex(cases[i].key, &key_len);
		text = unhex(cases[i].text, &len);
		secret_hmac(key, key_len, text, len, mac);
		assert_string_equal(hex(mac, 32), cases[i].mac);
	}
	memset(long_key, 0xaa, sizeof(long_key));
	secret_hmac(long_key, sizeof(long_key), case_6, strlen(case_6), mac);
	assert_string_equal(hex(mac, 32), "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
	secret_hmac(long_key, sizeof(long_key), case_7, strlen(case_7), mac);
	assert_string_equal(hex(mac, 32), "9b09ffa71b942fcb27635fbcd5b0e944"
	    "bfdc63644f0713938a7f51535c3a35e2");
	/* nothing with nothing: no crash, and not "the key before" */
	secret_hmac(NULL, 0, NULL, 0, mac);
	assert_string_equal(hex(mac, 32), "b613679a0814d9ec772f95d778c35fc5"
	    "ff1697c493715653c6c712144292c5ad");
}

/* FIPS 180-2 appendix B */
static void
sha256_agrees_with_fips_180(void **state)
{
	uint8_t hash[32];

	(void)state;
	secret_sha256("abc", 3, hash);
	assert_string_equal(hex(hash, 32), "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad");
	secret_sha256(NULL, 0, hash);
	assert_string_equal(hex(hash, 32), "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855");
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation" as submitted to
 * NIST, appendix B: the cases with 256-bit keys and 96-bit nonces */
static void
gcm_agrees_with_its_specification(void **state)
{
	static const char long_key[] = "feffe9928665731c6d6a8f9467308308"
	                               "feffe9928665731c6d6a8f9467308308";
	static const char no_key[] = "00000000000000000000000000000000"
	                             "00000000000000000000000000000000";
	static const struct {
		const char *key, *nonce, *plain, *aad, *sealed; /* tag last */
	} cases[] = {
		{ no_key, "000000000000000000000000", "", "",
		    "530f8afbc74536b9a963b4f1c4cb738b" },
		{ no_key, "000000000000000000000000",
		    "00000000000000000000000000000000", "",
		    "cea7403d4d606b6e074ec5d3baf39d18"
		    "d0d1c8a799996bf0265b98b5d48ab919" },
		{ long_key, "cafebabefacedbaddecaf888",
		    "d9313225f88406e5a55909c5aff5269a"
		    "86a7a9531534f7da2e4c303d8a318a72"
		    "1c3c0c95956809532fcf0e2449a6b525"
		    "b16aedf5aa0de657ba637b39",
		    "feedfacedeadbeeffeedfacedeadbeefabaddad2",
		    "522dc1f099567d07f47f37a32a84427d"
		    "643a8cdcbfe5c0c97598a2bd2555d1aa"
		    "8cb08e48590dbb3da7b08b1056828838"
		    "c5f61e6393ba7a0abcc9f662"
		    "76fc6ece0f4e1768cddf8853bb2d551b" },
	};
	uint8_t *key, *nonce, *plain, *aad, out[128], back[128];
	size_t i, j, n, len, aad_len;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		key = unhex(cases[i].key, &n);
		nonce = unhex(cases[i].nonce, &n);
		plain = unhex(cases[i].plain, &len);
		aad = unhex(cases[i].aad, &aad_len);
		gcm_seal(key, nonce, aad, aad_len, plain, len, out);
		assert_string_equal(hex(out, len + TAG_LEN), cases[i].sealed);
		assert_true(
		    gcm_open(key, nonce, aad, aad_len, out, len, back));
		assert_memory_equal(back, plain, len);
		for (j = 0; j < len + TAG_LEN; j++) {
			out[j] ^= 1;
			assert_false(gcm_open(key, nonce, aad, aad_len, out,
			    len, back));
			out[j] ^= 1;
		}
	}
}

static void
compares_in_constant_time(void **state)
{
	(void)state;
	assert_true(secret_equal("abc", 3, "abc", 3));
	assert_false(secret_equal("abc", 3, "abd", 3));
	assert_false(secret_equal("abc", 3, "abcd", 4));
	assert_true(secret_equal(NULL, 0, "", 0));
	assert_true(secret_equal("a\0b", 3, "a\0b", 3));
	assert_false(secret_equal("a\0b", 3, "a\0c", 3));
}

static void
write_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
reads_files(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out; /* NULL: refused */
	} cases[] = {
		{ "word", 4, "word" }, { "word\n", 5, "word" },
		{ "word\r\n", 6, "word" }, { "word\n\n", 6, "word\n" },
		{ " w \n", 4, " w " }, { "", 0, NULL }, { "\n", 1, NULL },
		{ "\r\n", 2, NULL },
	};
	char path[] = "/tmp/test_secret_XXXXXX";
	static uint8_t large[FILE_MAX + 1];
	struct secret s;
	bool others;
	size_t i;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(path, cases[i].in, cases[i].len, 0600);
		if (!cases[i].out) {
			assert_int_equal(
			    secret_read_file(&cx, path, &s, &others),
			    ERR_INPUT);
			fail_forget(&cx);
			continue;
		}
		assert_int_equal(
		    secret_read_file(&cx, path, &s, &others), ERR_OK);
		assert_false(others);
		assert_int_equal(s.len, strlen(cases[i].out));
		assert_string_equal((char *)s.bytes, cases[i].out);
		secret_done(&s);
		assert_null(s.bytes);
	}
	memset(large, 'x', sizeof(large));
	write_file(path, large, FILE_MAX, 0604);
	assert_int_equal(secret_read_file(&cx, path, &s, &others), ERR_OK);
	assert_true(others);
	secret_done(&s);
	chmod(path, 0640);
	assert_int_equal(secret_read_file(&cx, path, &s, &others), ERR_OK);
	assert_int_equal(others, geteuid() != 0); /* root may give it to a group */
	secret_done(&s);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(secret_read_file(&cx, path, &s, &others),
		    ERR_OK);
		assert_true(others);
		secret_done(&s);
	}
	write_file(path, large, FILE_MAX + 1, 0600);
	assert_int_equal(secret_read_file(&cx, path, &s, &others), ERR_INPUT);
	fail_forget(&cx);
	unlink(path);
	assert_int_equal(secret_read_file(&cx, path, &s, &others), ERR_INPUT);
	assert_non_null(strstr(cx.detail, "No such file"));
	fail_forget(&cx);
	assert_int_equal(secret_read_file(&cx, "/tmp", &s, &others), ERR_INPUT);
}

static enum err
parse_keys(const char *text, size_t len, struct seal_keys **ret)
{
	struct secret s;
	enum err e;

	secret_set(&s, text, len);
	e = seal_keys_parse(&cx, &s, ret);
	secret_done(&s);
	return e;
}

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "FFfefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0"

static void
parses_seal_keys(void **state)
{
	static const char *const good[] = {
		KEY_A, KEY_A "\n", KEY_A "\n" KEY_B, KEY_B "\r\n" KEY_A "\r\n",
	};
	static const char *const bad[] = {
		"", "\n", "00", KEY_A "0", KEY_A KEY_B,
		KEY_A "\n" KEY_B "\n" KEY_A, KEY_A "\nx",
		"x00102030405060708090a0b0c0d0e0f1011121314151617"
		"18191a1b1c1d1e1f",
	};
	struct seal_keys *k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(
		    parse_keys(good[i], strlen(good[i]), &k), ERR_OK);
		assert_int_equal(k->n, i < 2 ? 1 : 2);
		seal_keys_free(k);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    parse_keys(bad[i], strlen(bad[i]), &k), ERR_INPUT);
		assert_null(strstr(cx.detail, "0001")); /* no key in words */
		fail_forget(&cx);
	}
	assert_int_equal(parse_keys(KEY_A "\0x", 66, &k), ERR_INPUT);
	seal_keys_free(NULL);
}

static void
seals_and_unseals(void **state)
{
	struct seal_keys *k;
	char *one, *two;
	uint8_t *back;
	size_t len;

	(void)state;
	assert_int_equal(parse_keys(KEY_A, 64, &k), ERR_OK);
	one = seal(&cx, k, "tenant/pbx/secret", "whsec\0x", 7);
	two = seal(&cx, k, "tenant/pbx/secret", "whsec\0x", 7);
	assert_string_not_equal(one, two); /* a nonce each */
	/* SHA-256 of the key, as sha256sum gives it */
	assert_true(text_starts(one, "1.630dcd29."));
	assert_int_equal(strlen(one), 2 + 9 + 17 + 31);
	assert_int_equal(
	    unseal(&cx, k, "tenant/pbx/secret", one, &back, &len), ERR_OK);
	assert_int_equal(len, 7);
	assert_memory_equal(back, "whsec\0x", 8);
	one = seal(&cx, k, "", "", 0);
	assert_int_equal(unseal(&cx, k, "", one, &back, &len), ERR_OK);
	assert_int_equal(len, 0);
	assert_string_equal((char *)back, "");
	seal_keys_free(k);
}

static void
unseals_with_the_key_before(void **state)
{
	struct seal_keys *old, *both, *new;
	char *sealed;
	uint8_t *back;
	size_t len;

	(void)state;
	assert_int_equal(parse_keys(KEY_A, 64, &old), ERR_OK);
	assert_int_equal(parse_keys(KEY_B "\n" KEY_A, 129, &both), ERR_OK);
	assert_int_equal(parse_keys(KEY_B, 64, &new), ERR_OK);
	sealed = seal(&cx, old, "row", "x", 1);
	assert_int_equal(unseal(&cx, both, "row", sealed, &back, &len), ERR_OK);
	assert_int_equal(
	    unseal(&cx, new, "row", sealed, &back, &len), ERR_INTERNAL);
	fail_forget(&cx);
	sealed = seal(&cx, both, "row", "x", 1);
	assert_int_equal(unseal(&cx, new, "row", sealed, &back, &len), ERR_OK);
	assert_int_equal(
	    unseal(&cx, old, "row", sealed, &back, &len), ERR_INTERNAL);
	seal_keys_free(old);
	seal_keys_free(both);
	seal_keys_free(new);
}

static void
notices_every_change(void **state)
{
	static const char *const bad[] = {
		"", "1", "1.", "1..", "1...", "2.630dcd29.AAAAAAAAAAAAAAAA.AA",
		"1.630dcd29", "1.630dcd29.AAAAAAAAAAAAAAAA",
		"1.630dcd29.AAAAAAAAAAAAAAAA.", "1.630dcd29..AAAA",
		"1.630dcd29.AAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA",
		"1.630dcd29.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA",
		"1.630dcd29.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA.A",
	};
	struct seal_keys *k;
	char *sealed;
	uint8_t *back = NULL;
	size_t i, len;

	(void)state;
	assert_int_equal(parse_keys(KEY_A, 64, &k), ERR_OK);
	sealed = seal(&cx, k, "row 1", "secret", 6);
	assert_int_equal(
	    unseal(&cx, k, "row 2", sealed, &back, &len), ERR_INTERNAL);
	fail_forget(&cx);
	for (i = 0; sealed[i]; i++) {
		const char kept = sealed[i];

		sealed[i] = kept == 'A' ? 'B' : 'A';
		assert_int_equal(
		    unseal(&cx, k, "row 1", sealed, &back, &len),
		    ERR_INTERNAL);
		fail_forget(&cx);
		sealed[i] = kept;
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    unseal(&cx, k, "row 1", bad[i], &back, &len),
		    ERR_INTERNAL);
		fail_forget(&cx);
	}
	assert_null(back); /* untouched by all of them */
	seal_keys_free(k);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(hmac_agrees_with_rfc_4231),
		CASE(sha256_agrees_with_fips_180),
		CASE(gcm_agrees_with_its_specification),
		CASE(compares_in_constant_time),
		CASE(reads_files),
		CASE(parses_seal_keys),
		CASE(seals_and_unseals),
		CASE(unseals_with_the_key_before),
		CASE(notices_every_change),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
