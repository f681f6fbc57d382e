/*
 * The generic webhook: our own format (docs/pbx/generic.md), signed as
 * Standard Webhooks are, or proved by a secret in the address.
 */
#ifndef PBX_GENERIC_H
#define PBX_GENERIC_H

#include "pbx/platform.h"

extern const struct platform platform_generic;

#endif
