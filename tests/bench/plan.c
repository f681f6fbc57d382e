/* Whose event comes next, what it says, and its signature (Standard Webhooks).
 */
#include "load.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static void
die(const char *file, int line, const char *why)
{
	fprintf(stderr, "load: %s:%d: %s\n", file, line, why);
	exit(2);
}

static EVP_MAC_CTX *
mac_new(EVP_MAC *hmac, const char *secret)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
		    OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	unsigned char key[256];
	EVP_MAC_CTX *mac;
	size_t len, pad;
	int n;

	if (strncmp(secret, "whsec_", 6) == 0)
		secret += 6;
	len = strlen(secret);
	if (len == 0 || len > 340)
		return NULL;
	n = EVP_DecodeBlock(key, (const unsigned char *)secret, (int)len);
	for (pad = 0; pad < len && secret[len - 1 - pad] == '='; pad++)
		;
	if (n < 0 || (size_t)n < pad || pad > 2)
		return NULL;
	mac = EVP_MAC_CTX_new(hmac);
	if (mac && EVP_MAC_init(mac, key, (size_t)n - pad, params))
		return mac;
	return NULL;
}

/* http://127.0.0.1:PORT/PATH */
static bool
url_read(struct plan *p, const char *url, struct pbx *ret)
{
	struct in_addr address;
	const char *slash, *colon;
	char ip[32];
	long port;
	char *end;

	if (strncmp(url, "http://", 7) != 0)
		return false;
	url += 7;
	if (strncmp(url, "localhost:", 10) == 0)
		colon = url + 9;
	else
		colon = strchr(url, ':');
	slash = strchr(url, '/');
	if (!colon || !slash || slash < colon ||
	    colon - url >= (long)sizeof(ip) ||
	    slash - url >= (long)sizeof(ret->host) ||
	    strlen(slash) >= sizeof(ret->path))
		return false;
	snprintf(ip, sizeof(ip), "%.*s", (int)(colon - url), url);
	snprintf(ret->host, sizeof(ret->host), "%.*s", (int)(slash - url), url);
	snprintf(ret->path, sizeof(ret->path), "%s", slash);
	if (strcmp(ip, "localhost") == 0)
		snprintf(ip, sizeof(ip), "127.0.0.1");
	port = strtol(colon + 1, &end, 10);
	/* Load goes to this machine and nowhere else. */
	if (end != slash || port < 1 || port > 65535 ||
	    inet_pton(AF_INET, ip, &address) != 1 ||
	    (ntohl(address.s_addr) >> 24) != 127)
		return false;
	if (p->port &&
	    (p->port != htons((uint16_t)port) || p->address != address.s_addr))
		return false;
	p->port = htons((uint16_t)port);
	p->address = address.s_addr;
	return true;
}

static void
people_make(struct plan *p, int most)
{
	int64_t i, n = 0;
	int longest = 0;

	for (i = 0; i < p->npbxs; i++)
		if (p->pbxs[i].extensions > longest)
			longest = p->pbxs[i].extensions;
	p->people = calloc((size_t)most, sizeof(*p->people));
	if (!p->people)
		die("people", most, "out of memory");
	for (i = 0; i < (int64_t)longest * p->npbxs && n < most; i++) {
		const int pbx = (int)(i % p->npbxs),
			  extension = (int)(i / p->npbxs);

		if (extension < p->pbxs[pbx].extensions)
			p->people[n++] = (struct person){ .pbx = pbx,
				.extension = extension };
	}
	p->npeople = (int)n;
}

void
plan_read(struct plan *p, const char *file, int most)
{
	FILE *f = fopen(file, "r");
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	unsigned char random[8];
	char text[1024];
	size_t i;

	if (!f || !hmac ||
	    getrandom(random, sizeof(random), 0) != sizeof(random))
		die(file, 0, "cannot be read");
	for (i = 0; i < sizeof(random); i++)
		snprintf(p->run + 2 * i, 3, "%02x", random[i]);
	p->pbxs = calloc(PBXS_MAX, sizeof(*p->pbxs));
	if (!p->pbxs)
		die(file, 0, "out of memory");
	while (fgets(text, sizeof(text), f)) {
		struct pbx *x = &p->pbxs[p->npbxs];
		char *url = text, *secret, *prefix, *count;

		text[strcspn(text, "\n")] = '\0';
		if (!(secret = strchr(url, '\t')) ||
		    !(prefix = strchr(secret + 1, '\t')) ||
		    !(count = strchr(prefix + 1, '\t')))
			die(file, p->npbxs + 1,
			    "not URL, SECRET, PREFIX, EXTENSIONS");
		*secret++ = *prefix++ = *count++ = '\0';
		x->extensions = (int)strtol(count, NULL, 10);
		if (p->npbxs + 1 == PBXS_MAX || !url_read(p, url, x) ||
		    !(x->mac = mac_new(hmac, secret)) ||
		    strlen(prefix) >= sizeof(x->prefix) || x->extensions < 1 ||
		    x->extensions > PEOPLE_MAX)
			die(file, p->npbxs + 1,
			    "a bad secret, number or address (one on "
			    "loopback)");
		snprintf(x->prefix, sizeof(x->prefix), "%s", prefix);
		p->npbxs++;
	}
	fclose(f);
	if (p->npbxs == 0)
		die(file, 0, "no PBX");
	people_make(p, most);
}

void
plan_event(struct plan *p, int person, struct event *ret)
{
	struct person *who = &p->people[person];

	who->on = !who->on;
	if (who->on)
		who->calls++;
	*ret = (struct event){ .person = person,
		.no = ++p->events,
		.on = who->on,
		.call = who->calls };
}

static int
body_write(struct plan *p, const struct event *e, char *ret, size_t size)
{
	const struct person *who = &p->people[e->person];
	const struct pbx *x = &p->pbxs[who->pbx];

	if (p->type)
		return snprintf(ret, size,
		    "{\"type\":\"%s\",\"data\":{\"extension\":\"%s%d\","
		    "\"call_id\":\"%s\"}}",
		    p->type, x->prefix, who->extension, p->call);
	if (p->kind == KIND_HOOK ||
	    (p->kind == KIND_MIXED && e->person % 2 == 0))
		return snprintf(ret, size,
		    "{\"type\":\"phone.%s_hook\",\"data\":"
		    "{\"extension\":\"%s%d\"}}",
		    e->on ? "off" : "on", x->prefix, who->extension);
	return snprintf(ret, size,
	    "{\"type\":\"call.%s\",\"data\":{\"extension\":\"%s%d\","
	    "\"call_id\":\"%s-%d-%" PRIu32 "\"}}",
	    e->on ? "answered" : "ended", x->prefix, who->extension, p->run,
	    e->person, e->call);
}

size_t
plan_request(struct plan *p, const struct event *e, char ret[REQUEST_MAX])
{
	const struct pbx *x = &p->pbxs[p->people[e->person].pbx];
	char body[400], text[600], signature[45];
	unsigned char mac[32];
	const int64_t at = (int64_t)time(NULL);
	size_t mac_len;
	int len, n;

	len = body_write(p, e, body, sizeof(body));
	n = snprintf(text, sizeof(text), "b%s_%" PRIu64 ".%" PRId64 ".%s",
	    p->run, e->no, at, body);
	if (len >= (int)sizeof(body) || n >= (int)sizeof(text) ||
	    !EVP_MAC_init(x->mac, NULL, 0, NULL) ||
	    !EVP_MAC_update(x->mac, (unsigned char *)text, (size_t)n) ||
	    !EVP_MAC_final(x->mac, mac, &mac_len, sizeof(mac)))
		die("request", len, "cannot be signed");
	EVP_EncodeBlock((unsigned char *)signature, mac, (int)mac_len);
	n = snprintf(ret, REQUEST_MAX,
	    "POST %s HTTP/1.1\r\nHost: %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %d\r\n"
	    "webhook-id: b%s_%" PRIu64 "\r\nwebhook-timestamp: %" PRId64 "\r\n"
	    "webhook-signature: v1,%s\r\n\r\n%s",
	    x->path, x->host, len, p->run, e->no, at, signature, body);
	if (n >= REQUEST_MAX)
		die("request", n, "too long");
	return (size_t)n;
}
