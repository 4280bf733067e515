/*
 * config.h - the settings of an installation: one table, config_options[], from which come the
 * parser, the environment names, the checks, the example file and the manual's table.
 *
 * Sources, strongest first: environment (NAME, or NAME_FILE for secrets), kiro.json, default.
 * kiro.json is JSON with // and block comments; an unknown key is an error with its line.
 * A loaded struct config never changes: a reload makes a new one.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/secret.h"

struct jsonw;

#define CONFIG_MAX_OPTIONS 96

enum config_origin { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENVIRONMENT };

enum config_auth { AUTH_KEY, AUTH_NONE };

struct config {
	char *file;				   /* where it was read from, NULL: no file */
	struct stat seen;			   /* of that file, as it was read */
	unsigned char origins[CONFIG_MAX_OPTIONS]; /* enum config_origin per option */

	char *state_dir;
	int auth; /* enum config_auth */
	struct secret client_token, metrics_token, webhook_secret;
	char *webhook_url;
	bool own_credentials;
	char *activation_url;
	int activation_grace;  /* seconds */
	char *trusted_proxies; /* addresses, comma separated */
	char *cors_origins;
	int max_streams;
	int ping_interval;   /* seconds */
	int first_byte_hold; /* seconds */
	int drain_timeout;   /* seconds */
	int refresh_ahead;   /* seconds */
	int usage_interval;  /* seconds */
	bool state_on_network;
	char *state_key_file;
	int thinking_format; /* enum thinking_format of fcgi/out.h */
	char *thinking_suffix;
	bool gpt_aliases;
	bool cc_buffered;
	int max_sessions;  /* 0: no limit */
	int queue_timeout; /* seconds */
	int queue_length;
	int usage_retention; /* days */

	char *admin_hosts; /* comma separated */
	int admin_session; /* minutes */

	int strategy; /* index into strategies[] of fcgi/up_strategy.c */
	int affinity_minutes;
	int max_inflight; /* 0: no limit */
	int min_interval_ms, interval_jitter_ms;
	int busy_wait; /* seconds */
	bool overage;

	char *jwt_key_file;
	int jwt_algorithm; /* index into algorithms[] of bearer.c */
	char *jwt_issuer, *jwt_audience, *jwt_role_claim;
	char *jwt_limits_of; /* name of a key */

	int log_level;	/* enum log_level */
	int log_format; /* 0 text, 1 json */
	char *log_file, *access_file;
	bool log_syslog;

	int upstream_profile; /* index into up_profiles[] of fcgi/up_profile.c: 0 krs, 1 rts */
	char *upstream_region;
	char *inference_url, *management_url, *social_url, *oidc_url, *portal_url, *signin_url,
		*mcp_url;
	char *idp_hosts; /* comma separated */
	char *ca_file, *proxy_url;
	int connect_timeout;	/* seconds */
	int first_byte_timeout; /* seconds */
	int idle_timeout;	/* seconds */
	int request_timeout;	/* minutes, 0: none; every answer */
	int simple_timeout;	/* minutes, 0: none; whole answers */
	int stream_timeout;	/* minutes, 0: none; streamed answers */
	char *kiro_version, *node_version, *system_version;
	bool content_optout;

	char *fetch_allow; /* hosts, comma separated */
	bool fetch_private;
};

/* file: the --config value, or NULL for KIRO_CONFIG, kiro.json beside the program (program_path may
 * be NULL), /etc/kiro-fcgi/kiro.json; none of these existing is no error.
 * ERR_CONFIG names file and line, or the variable. */
int config_load(struct config **out, const char *file, const char *program_path, struct error *e);

void config_free(struct config *c); /* NULL is fine */

/* kiro.json with every option, its help and its default, commented out. */
void config_write_example(struct buf *out);
/* Every option with its value and where it came from; secrets masked. */
void config_write_effective(const struct config *c, struct buf *out);
/* The same as one JSON object, with each option's help. */
void config_write_json(const struct config *c, struct jsonw *w);
/* The table of kiro.json(5). */
void config_write_manual(struct buf *out);

#endif
