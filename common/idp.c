#include "common/base.h"
#include "common/idp.h"

#include "common/http.h"
#include "common/list.h"

#define KNOWN                                                                                      \
	"login.microsoftonline.com, login.microsoftonline.us, login.microsoftonline.cn, "          \
	"login.partner.microsoftonline.cn"

int idp_check(const struct config *config, const char *url, const char *what, enum error_kind kind,
	      struct error *e)
{
	static const char host_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789.-:[]";
	const char *more = config->idp_hosts ? config->idp_hosts : "";
	struct error why = { .kind = ERR_NONE };
	const char *at = strstr(url, "://");
	char host[256] = "";
	size_t len = 0;

	if (at && !http_check_base_url(url, &why))
		len = strspn(at + 3, host_bytes);
	if (len && len < sizeof(host) && (!at[3 + len] || at[3 + len] == '/'))
		memcpy(host, at + 3, len);
	if (*host && (list_names(more, host) ||
		      (strncasecmp(url, "https:", 6) == 0 && list_names(KNOWN, host))))
		return 0;
	return error_set(e, kind,
			 "%s is not the https address of a known identity provider "
			 "(login.microsoftonline.com, .us, .cn); others must be listed in "
			 "upstream.idp_hosts",
			 what);
}
