/* The Teams app package of this server: what is compiled in. */
#ifndef APP_TEAMS_APP_H
#define APP_TEAMS_APP_H

#include <stddef.h>

extern const char teams_manifest[], teams_manifest_end[];
extern const char teams_color[], teams_color_end[];
extern const char teams_outline[], teams_outline_end[];

#endif
