/* The platforms, a file each; what a row means stands in platform.h. */
#ifndef PBX_PLATFORMS_H
#define PBX_PLATFORMS_H

#include "pbx/platform.h"

extern const struct platform platform_action_url;
extern const struct platform platform_amazon_connect;
extern const struct platform platform_broadworks;
extern const struct platform platform_dialpad;
extern const struct platform platform_kazoo;
extern const struct platform platform_netsapiens;
extern const struct platform platform_placetel;
extern const struct platform platform_poly;
extern const struct platform platform_ringcentral;
extern const struct platform platform_ringlogix;
extern const struct platform platform_twilio;
extern const struct platform platform_united_cloud;
extern const struct platform platform_viirtue;
extern const struct platform platform_webex;
extern const struct platform platform_wildix;
extern const struct platform platform_yeastar;
extern const struct platform platform_yeastar_s;
extern const struct platform platform_zoom_phone;

#endif
