/* The platforms, a file each; what a row means stands in platform.h. */
#ifndef PBX_PLATFORMS_H
#define PBX_PLATFORMS_H

#include "pbx/platform.h"

extern const struct platform platform_yeastar, platform_yeastar_s;
extern const struct platform platform_broadworks;
extern const struct platform platform_placetel;
extern const struct platform platform_poly;
extern const struct platform platform_dialpad;
extern const struct platform platform_webex;
extern const struct platform platform_twilio;
extern const struct platform platform_amazon_connect;
extern const struct platform platform_ringcentral;
extern const struct platform platform_zoom_phone;
extern const struct platform platform_wildix;
extern const struct platform platform_netsapiens, platform_ringlogix,
    platform_united_cloud, platform_viirtue;
extern const struct platform platform_kazoo;
extern const struct platform platform_action_url;

#endif
