/* Every handler of the tab and dashboard programs, by the file it is in. */
#ifndef APP_HANDLERS_H
#define APP_HANDLERS_H

#include "web/request.h"

/* tab.c */
enum err tab_me_get(struct request *rq);
enum err tab_monitoring_put(struct request *rq);
enum err tab_clear_post(struct request *rq);

/* signin.c */
enum err sign_in_get(struct request *rq);
enum err sign_in_callback_get(struct request *rq);
enum err sign_out_post(struct request *rq);

/* consent.c */
enum err consent_get(struct request *rq);
enum err consent_callback_get(struct request *rq);

/* dashboard.c */
enum err session_get(struct request *rq);
enum err tenant_get(struct request *rq);
enum err tenant_patch(struct request *rq);
enum err people_get(struct request *rq);
enum err people_clear_post(struct request *rq);
enum err activity_get(struct request *rq);
enum err health_get(struct request *rq);

/* pbxs.c */
enum err platforms_get(struct request *rq);
enum err pbxs_get(struct request *rq);
enum err pbxs_post(struct request *rq);
enum err pbx_get(struct request *rq);
enum err pbx_patch(struct request *rq);
enum err pbx_delete(struct request *rq);
enum err pbx_secret_post(struct request *rq);

/* pbx_api.c */
enum err pbx_api_get(struct request *rq);
enum err pbx_api_put(struct request *rq);
enum err pbx_api_delete(struct request *rq);
enum err pbx_api_people_get(struct request *rq);

/* captures.c */
enum err capture_get(struct request *rq);
enum err capture_post(struct request *rq);
enum err capture_delete(struct request *rq);
enum err capture_replay_post(struct request *rq);
enum err capture_download_get(struct request *rq);

/* extensions.c */
enum err extensions_get(struct request *rq);
enum err extensions_put(struct request *rq);
enum err extension_delete(struct request *rq);

/* teams_app.c */
enum err app_package_get(struct request *rq);

#endif
