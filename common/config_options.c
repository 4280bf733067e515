#include "common/base.h"
#include "common/config_options.h"

#include "common/activation.h"

#include <ctype.h>

#define AT(member) offsetof(struct config, member)

static const char *const auth_choices[] = { "key", "none", NULL };
static const char *const level_choices[] = { "error", "warn", "info", "debug", NULL };
static const char *const format_choices[] = { "text", "json", NULL };
static const char *const thinking_choices[] = { "blocks", "think", "thinking", "plain", NULL };
static const char *const profile_choices[] = { "krs", "rts", NULL };
static const char *const jwt_choices[] = { "HS256", "RS256", NULL };
static const char *const strategy_choices[] = { "optimal",  "auto",	   "sequential", "first",
						"priority", "round-robin", "random",	 NULL };

/* clang-format off */
const struct config_option config_options[] = {
	{ "state_dir", PATH, AT(state_dir), "/var/lib/kiro-fcgi", .alias = NULL,
	  .text = "Directory of accounts, keys and locks: local disk, owned by the user that runs the program." },
	{ "auth", CHOICE, AT(auth), "key", .choices = auth_choices,
	  .text = "Who may use the client APIs: holders of a key, or (none) anybody on the loopback interface but pages of origins that cors_origins does not name." },
	{ "client_token", SECRET, AT(client_token), "",
	  .text = "One client key beside those of `kiroctl key add`; at least 16 characters." },
	{ "metrics_token", SECRET, AT(metrics_token), "",
	  .text = "Who reads /metrics sends this (Authorization: Bearer); empty: only clients on the loopback interface may." },
	{ "webhook_url", BASE_URL, AT(webhook_url), "",
	  .text = "Where kiro-refresh posts changes of accounts' states (https, or http to this machine); empty: nowhere." },
	{ "webhook_secret", SECRET, AT(webhook_secret), "",
	  .text = "Signs what is posted there (HMAC-SHA256), so that the receiver knows us." },
	{ "own_credentials", BOOLEAN, AT(own_credentials), "false",
	  .text = "Serve clients that hold a key with Kiro credentials that they bring themselves (X-Kiro-Credentials), over HTTPS or from this machine." },
	{ "activation_server_url", BASE_URL, AT(activation_url), "",
	  .text = "Base URL of a service that verifies activation codes (https, or http to this machine); empty: none does." },
	{ "activation_grace", INTEGER, AT(activation_grace), "3600", ACTIVATION_GOOD, 604800, "seconds",
	  .text = "While that service is down, codes that it has verified within this time go on; its answers hold five minutes in any case." },
	{ "trusted_proxies", TEXT, AT(trusted_proxies), "",
	  .text = "Addresses (comma separated) of proxies before the web server whose X-Forwarded-Proto is believed." },
	{ "cors_origins", TEXT, AT(cors_origins), "",
	  .text = "Origins of browser applications that may call the client APIs, comma separated; * for all." },
	{ "max_streams", INTEGER, AT(max_streams), "1024", 1, 16384, "streams",
	  .text = "Requests served at once by one process; more are answered 529." },
	{ "max_concurrent_sessions", INTEGER, AT(max_sessions), "0", 0, 4096, "requests", .alias = "MAX_CONCURRENT_SESSIONS",
	  .text = "Chats served at once over all processes; 0: no limit." },
	{ "queue_timeout", INTEGER, AT(queue_timeout), "30", 0, 600, "seconds",
	  .text = "How long a chat beyond max_concurrent_sessions waits for one to end; then it is answered 529." },
	{ "queue_length", INTEGER, AT(queue_length), "100", 1, 4096, "requests",
	  .text = "Chats that wait so at once, over all processes; more are answered 529 at once." },
	{ "ping_interval", INTEGER, AT(ping_interval), "10", 1, 300, "seconds",
	  .text = "Longest silence towards a streaming client; also how soon a client that left is noticed." },
	{ "first_byte_hold", INTEGER, AT(first_byte_hold), "5", 0, 300, "seconds",
	  .text = "How long a stream waits for the upstream before it begins; errors until then have their HTTP status." },
	{ "thinking_format", CHOICE, AT(thinking_format), "blocks", .choices = thinking_choices,
	  .text = "How clients see reasoning: as their API has it (blocks), or in front of the text in <think> tags, in <thinking> tags, or plain." },
	{ "thinking_suffix", TEXT, AT(thinking_suffix), "-thinking",
	  .text = "A model name with this ending asks for reasoning, for clients that cannot; empty: none does." },
	{ "drain_timeout", INTEGER, AT(drain_timeout), "30", 0, 86400, "seconds",
	  .text = "How long running streams may go on after SIGTERM." },
	{ "refresh_ahead", INTEGER, AT(refresh_ahead), "600", 30, 86400, "seconds",
	  .text = "kiro-refresh renews tokens that end within this time." },
	{ "usage_interval", INTEGER, AT(usage_interval), "1800", 60, 86400, "seconds",
	  .text = "How often kiro-refresh asks for an account's plan and usage; a quarter more at most." },
	{ "usage.retention_days", INTEGER, AT(usage_retention), "100", 35, 3650, "days",
	  .text = "How long kiro-refresh keeps the totals of a day for kiroctl usage." },
	{ "state_on_network", BOOLEAN, AT(state_on_network), "false",
	  .text = "Accept a state directory on NFS, SMB or FUSE, where locks may not hold." },
	{ "state_key_file", PATH, AT(state_key_file), "",
	  .text = "File with the key (64 hex digits, mode 0600 or 0640) that accounts and keys are encrypted with on disk; empty: they are not." },
	{ "gpt_aliases", BOOLEAN, AT(gpt_aliases), "false",
	  .text = "Let names like gpt-4o and gpt-4 stand for Claude models (list in the README)." },
	{ "cc_buffered", BOOLEAN, AT(cc_buffered), "false",
	  .text = "Streams of /cc/v1/messages come at once at their end, so that the first event has the final input_tokens." },

	{ "jwt.key_file", PATH, AT(jwt_key_file), "",
	  .text = "Accept JSON Web Tokens as client keys, signed with this key: for HS256 a secret of 32 bytes and more, for RS256 a PEM public key; empty: none." },
	{ "jwt.algorithm", CHOICE, AT(jwt_algorithm), "HS256", .choices = jwt_choices,
	  .text = "The one algorithm that they may be signed by." },
	{ "jwt.issuer", TEXT, AT(jwt_issuer), "",
	  .text = "Their iss; empty: any." },
	{ "jwt.audience", TEXT, AT(jwt_audience), "",
	  .text = "Their aud, or one of them; empty: any." },
	{ "jwt.role_claim", TEXT, AT(jwt_role_claim), "role",
	  .text = "Which claim names the role: user, viewer, operator or admin; without it: user." },
	{ "jwt.limits_of", TEXT, AT(jwt_limits_of), "",
	  .text = "Name of a client key whose limits, models and accounts each of their subjects has; empty: no limits." },

	{ "admin.hosts", TEXT, AT(admin_hosts), "",
	  .text = "Host names (comma separated) under which the admin panel answers; empty: any over HTTPS, else localhost and addresses only." },
	{ "admin.session_minutes", INTEGER, AT(admin_session), "720", 5, 10080, "minutes",
	  .text = "How long a sign-in to the admin panel lasts." },

	{ "log.level", CHOICE, AT(log_level), "info", .choices = level_choices, .alias = "LOG_LEVEL",
	  .text = "Least severe lines to write." },
	{ "log.format", CHOICE, AT(log_format), "text", .choices = format_choices, .alias = "LOG_FORMAT",
	  .text = "One line of text, or one JSON object a line." },
	{ "log.file", PATH, AT(log_file), "", .alias = "LOG_FILE",
	  .text = "Where lines go; empty: standard error, which is the web server's error log." },
	{ "log.access_file", PATH, AT(access_file), "",
	  .text = "Where the line of each request goes, whatever the level; empty: to the other lines, as their level allows." },
	{ "log.syslog", BOOLEAN, AT(log_syslog), "false",
	  .text = "Lines that have no file go to the system's log (facility daemon) instead of standard error." },

	{ "accounts.strategy", CHOICE, AT(strategy), "optimal", .choices = strategy_choices, .alias = "TOKEN_SELECTION_STRATEGY",
	  .text = "Which account of the best priority serves: the one with most allowance left (optimal, auto), the oldest until it can no more (sequential, first, priority), the longest unused (round-robin), any (random)." },
	{ "accounts.affinity_minutes", INTEGER, AT(affinity_minutes), "60", 0, 10080, "minutes", .alias = "SESSION_TIMEOUT_MINUTES",
	  .text = "A conversation keeps its account, while that can serve, until it was silent so long; 0: each request is placed anew." },
	{ "accounts.max_inflight", INTEGER, AT(max_inflight), "0", 0, 4096, "requests",
	  .text = "Requests that one account serves at once, over all processes; 0: no limit. An account may differ." },
	{ "accounts.min_interval_ms", INTEGER, AT(min_interval_ms), "0", 0, 600000, "milliseconds", .alias = "KIRO_REQUEST_MIN_INTERVAL_MS",
	  .text = "Shortest time between two requests of one account." },
	{ "accounts.interval_jitter_ms", INTEGER, AT(interval_jitter_ms), "0", 0, 600000, "milliseconds",
	  .text = "Random time added to accounts.min_interval_ms." },
	{ "accounts.overage", BOOLEAN, AT(overage), "false",
	  .text = "Use accounts beyond their allowance, which is paid for, where their plan has that enabled; else such an account rests until its reset." },
	{ "accounts.busy_wait", INTEGER, AT(busy_wait), "30", 0, 600, "seconds",
	  .text = "How long a request waits when these limits leave no account free; then it is answered 529." },

	{ "upstream.profile", CHOICE, AT(upstream_profile), "krs", .choices = profile_choices,
	  .text = "Service generation: krs (runtime.*.kiro.dev) or rts (q.*.amazonaws.com). An account may differ." },
	{ "upstream.region", TEXT, AT(upstream_region), "us-east-1",
	  .text = "Region of accounts that name none." },
	{ "upstream.inference_url", BASE_URL, AT(inference_url), "",
	  .text = "Base URL of the inference host; empty: by profile and region." },
	{ "upstream.management_url", BASE_URL, AT(management_url), "",
	  .text = "Base URL of the host for usage limits and model lists." },
	{ "upstream.social_url", BASE_URL, AT(social_url), "",
	  .text = "Base URL of the host that renews social logins." },
	{ "upstream.oidc_url", BASE_URL, AT(oidc_url), "",
	  .text = "Base URL of the host that renews Builder ID and IAM Identity Center logins." },
	{ "upstream.portal_url", BASE_URL, AT(portal_url), "",
	  .text = "Base URL of the SSO portal." },
	{ "upstream.signin_url", BASE_URL, AT(signin_url), "",
	  .text = "Base URL of Kiro's sign-in page." },
	{ "upstream.idp_hosts", TEXT, AT(idp_hosts), "",
	  .text = "Further hosts of external identity providers (host or host:port, comma separated) that logins may use, beside Microsoft's." },
	{ "upstream.mcp_url", BASE_URL, AT(mcp_url), "",
	  .text = "Base URL of the host for web search." },
	{ "upstream.ca_file", PATH, AT(ca_file), "",
	  .text = "PEM file of the certificate authorities to trust; empty: the system's." },
	{ "upstream.proxy_url", PROXY, AT(proxy_url), "",
	  .text = "Proxy for all upstream requests: http://, https://, socks5:// or socks5h://." },
	{ "upstream.connect_timeout", INTEGER, AT(connect_timeout), "10", 1, 600, "seconds",
	  .text = "How long a connection may take, TLS included." },
	{ "upstream.first_byte_timeout", INTEGER, AT(first_byte_timeout), "300", 1, 86400, "seconds",
	  .text = "How long the upstream may think before its answer begins." },
	{ "upstream.idle_timeout", INTEGER, AT(idle_timeout), "300", 1, 86400, "seconds",
	  .text = "Longest silence inside an answer." },
	{ "upstream.request_timeout_minutes", INTEGER, AT(request_timeout), "0", 0, 10080, "minutes", .alias = "REQUEST_TIMEOUT_MINUTES",
	  .text = "Limit for every answer in all; 0: none." },
	{ "upstream.simple_timeout_minutes", INTEGER, AT(simple_timeout), "0", 0, 10080, "minutes", .alias = "SIMPLE_REQUEST_TIMEOUT_MINUTES",
	  .text = "Limit for whole (not streamed) answers; 0: none." },
	{ "upstream.stream_timeout_minutes", INTEGER, AT(stream_timeout), "0", 0, 10080, "minutes", .alias = "STREAM_REQUEST_TIMEOUT_MINUTES",
	  .text = "Limit for streamed answers; 0: none." },
	{ "upstream.kiro_version", TEXT, AT(kiro_version), "1.0.437",
	  .text = "Version in the client identity sent upstream; the service judges requests by it." },
	{ "upstream.node_version", TEXT, AT(node_version), "22.22.0",
	  .text = "Runtime version in the client identity." },
	{ "upstream.system_version", TEXT, AT(system_version), "linux#6.8.0",
	  .text = "System in the client identity." },
	{ "upstream.content_optout", BOOLEAN, AT(content_optout), "true",
	  .text = "Ask the upstream not to keep contents for improving the service." },

	{ "fetch_urls.allow", TEXT, AT(fetch_allow), "",
	  .text = "Hosts (host or host:port, comma separated) from which images that a client names by URL are fetched; others are refused." },
	{ "fetch_urls.private", BOOLEAN, AT(fetch_private), "false",
	  .text = "Fetch them from private and loopback addresses too." },
};
/* clang-format on */

const size_t config_option_count = ARRAY_SIZE(config_options);
_Static_assert(ARRAY_SIZE(config_options) <= CONFIG_MAX_OPTIONS, "struct config has no room");

void *config_field(const struct config *c, const struct config_option *o)
{
	return (char *)(uintptr_t)c + o->at;
}

bool config_is_text(enum config_type type)
{
	return type == TEXT || type == PATH || type == BASE_URL || type == PROXY;
}

void config_variable(const struct config_option *o, char out[static CONFIG_VARIABLE_SIZE])
{
	snprintf(out, CONFIG_VARIABLE_SIZE, "KIRO_%s", o->name);
	for (char *c = out; *c; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}
