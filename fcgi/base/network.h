/* Networks and addresses, IPv4 and IPv6 in one form. */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct network { /* IPv6 or IPv4-mapped (RFC 4291 2.5.5.2); prefix 0..128 */
	struct in6_addr address;
	int prefix;
};

/* "10.0.0.0/8", "fd00::/8", "::1"; bits behind the prefix are not looked at. */
bool network_parse(const char *text, struct network *ret);
/* false also when address is none */
bool network_has(const struct network *list, size_t n, const char *address);
/*
 * Does this address belong to the Internet at large? false for what is private,
 * link-local, loopback, shared (RFC 6598), documentation, multicast or reserved
 * (IANA's special-purpose registries, RFC 6890), in IPv4-mapped form as well; of
 * IPv6 only global unicast is, without what wraps an IPv4 address (6to4, Teredo).
 */
bool network_is_public(const char *address);
/* localhost, 127.0.0.0/8, ::1; a host as in a URL, so IPv6 in brackets. */
bool network_is_loopback(const char *host);

#endif
