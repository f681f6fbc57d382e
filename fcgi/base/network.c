/* Networks and addresses, IPv4 and IPv6 in one form. */
#include "base/network.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

bool
network_parse(const char *text, struct network *ret)
{
	char address[INET6_ADDRSTRLEN];
	const size_t len = strcspn(text, "/");
	struct network n = { .prefix = 128 };
	struct in_addr v4;
	int64_t prefix;
	bool is_v4;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	is_v4 = inet_pton(AF_INET, address, &v4) == 1;
	if (is_v4) {
		n.address.s6_addr[10] = n.address.s6_addr[11] = 0xff;
		memcpy(&n.address.s6_addr[12], &v4, 4);
	} else if (inet_pton(AF_INET6, address, &n.address) != 1) {
		return false;
	}
	if (text[len]) {
		text += len + 1;
		if (*text == '-' ||
		    !text_int64(text, 0, is_v4 ? 32 : 128, &prefix))
			return false;
		n.prefix = (int)prefix + (is_v4 ? 96 : 0);
	}
	*ret = n;
	return true;
}

static bool
network_holds(const struct network *n, const struct in6_addr *address)
{
	const int bytes = n->prefix / 8, bits = n->prefix % 8;
	const uint8_t *a = n->address.s6_addr, *b = address->s6_addr;

	if (memcmp(a, b, (size_t)bytes) != 0)
		return false;
	return bits == 0 || (a[bytes] ^ b[bytes]) >> (8 - bits) == 0;
}

bool
network_has(const struct network *list, size_t n, const char *address)
{
	struct network one;
	size_t i;

	if (strchr(address, '/') || !network_parse(address, &one))
		return false;
	for (i = 0; i < n; i++)
		if (network_holds(&list[i], &one.address))
			return true;
	return false;
}

bool
network_is_public(const char *address)
{
	static const char *const inside[] = { "0.0.0.0/8", "10.0.0.0/8",
		"100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" };
	static const char *const global[] = { "0.0.0.0/0", "2000::/3" };
	struct network list[sizeof(inside) / sizeof(inside[0])], all[2];
	size_t i;

	for (i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		if (!network_parse(inside[i], &list[i]))
			return false;
	for (i = 0; i < 2; i++)
		if (!network_parse(global[i], &all[i]))
			return false;
	return network_has(all, 2, address) &&
	    !network_has(list, sizeof(inside) / sizeof(inside[0]), address);
}

bool
network_is_loopback(const char *host)
{
	struct in_addr v4;

	if (text_same_word(host, "localhost") || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 &&
	    ntohl(v4.s_addr) >> 24 == 127;
}
