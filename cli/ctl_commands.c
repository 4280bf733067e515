/*
 * The commands of kiroctl and their options; help and completion come from here too.
 */
#include "common/base.h"
#include "cli/ctl.h"

#include "cli/completion.h"
#include "cli/ctl_key.h"

/* clang-format off */
static const struct ctl_option account_add_options[] = {
	{ "refresh-token-file", "F|-", "the refresh token of a social, IdC or external login" },
	{ "api-key-file", "F|-", "a Kiro API key; without it KIRO_API_KEY is read" },
	{ "client-id", "ID", "client id of an IdC, Builder ID or external login" },
	{ "client-secret-file", "F|-", "client secret of an IdC or Builder ID login" },
	{ "kind", "KIND", "social, idc, external_idp or api_key; else told by what is given" },
	{ "provider", "NAME", "Google, Github, BuilderId, Enterprise, ..." },
	{ "label", "TEXT", "name for people" },
	{ "region", "REGION", "where the service is called; else by the profile or configuration" },
	{ "auth-region", "REGION", "of the IdC login (us-east-1)" },
	{ "profile-arn", "ARN", "profile of the account" },
	{ "start-url", "URL", "portal of an IdC login" },
	{ "token-endpoint", "URL", "where an external login is renewed" },
	{ "scopes", "TEXT", "scopes of an external login, separated by blanks" },
	{ "priority", "N", "lower is used first (0)" },
	{ "upstream", "krs|rts", "service generation, when not the configured one" },
	{ "proxy", "URL", "proxy of this account; direct for none" },
	{ "machine-id", "HEX", "64 hexadecimal digits, or a UUID; else one is made" },
	{ "max-inflight", "N", "requests at once, when not the configured limit" },
	{ "owner", "KEY", "name of the client key that it serves alone" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option account_set_options[] = {
	{ "label", "TEXT", "name for people" },
	{ "priority", "N", "lower is used first" },
	{ "region", "REGION", "where the service is called" },
	{ "auth-region", "REGION", "of the IdC login" },
	{ "profile-arn", "ARN", "profile of the account" },
	{ "upstream", "krs|rts", "service generation" },
	{ "proxy", "URL", "proxy of this account; direct for none" },
	{ "machine-id", "HEX", "64 hexadecimal digits, or a UUID" },
	{ "max-inflight", "N", "requests at once; 0: the configured limit" },
	{ "owner", "KEY", "name of the client key that it serves alone; empty: all" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option account_import_options[] = {
	{ "env", NULL, "from KIRO_AUTH_TOKEN, AWS_REFRESHTOKEN and IDC_REFRESH_TOKEN" },
	{ "share", NULL, "activation codes may use the accounts that are nobody's" },
	{ "yes", NULL, "store them; without it only show what would be done" },
	{ "apply", NULL, "the same as --yes" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option login_options[] = {
	{ "account", "ID", "log in again for this account; else a known one is recognised" },
	{ "label", "TEXT", "name for people, of a new account" },
	{ "start-url", "URL", "idc: your company's AWS access portal" },
	{ "region", "REGION", "idc: of IAM Identity Center (us-east-1); api-key: of the service" },
	{ "browser", NULL, "idc: by an address to paste, where no code can be typed" },
	{ "issuer-url", "URL", "external-idp: of the identity provider" },
	{ "client-id", "ID", "external-idp: of the application there" },
	{ "scopes", "TEXT", "external-idp: separated by blanks" },
	{ "login-hint", "TEXT", "external-idp: who wants to log in" },
	{ "audience", "TEXT", "external-idp" },
	{ "proxy", "URL", "proxy of this account, for the login too; direct for none" },
	{ "no-check", NULL, "do not ask the service who it is and what is left" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option remove_options[] = {
	{ "yes", NULL, "really; nothing is ever asked" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option all_options[] = {
	{ "all", NULL, "every account that is not disabled" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option key_add_options[] = {
	{ "from-file", "F|-", "take the key from a file instead of making one" },
	{ "from-env", "VAR", "take the key from this environment variable" },
	CTL_KEY_ROLE,
	CTL_KEY_RIGHTS,
	{ NULL, NULL, NULL },
};

static const struct ctl_option key_set_options[] = {
	CTL_KEY_ROLE,
	CTL_KEY_RIGHTS,
	{ NULL, NULL, NULL },
};

#define CODE_SETTINGS \
	{ "days", "N", "how long from its first use on; 0: no such limit" }, \
	{ "machine", "any|first|ID", "any machine, the first that is seen, or the one of that id" }, \
	{ "account", "ID", "an account that is to be its own" }

static const struct ctl_option code_add_options[] = {
	{ "from-file", "F|-", "take the code from a file instead of making one" },
	{ "from-env", "VAR", "take the code from this environment variable" },
	CODE_SETTINGS,
	CTL_KEY_RIGHTS,
	{ NULL, NULL, NULL },
};

static const struct ctl_option code_set_options[] = {
	CODE_SETTINGS,
	CTL_KEY_RIGHTS,
	{ NULL, NULL, NULL },
};

static const struct ctl_option key_rotate_options[] = {
	{ "overlap", "TIME", "how long the old secret is good still: 24h, 7d (0)" },
	{ "from-file", "F|-", "take the new key from a file instead of making one" },
	{ "from-env", "VAR", "take the new key from this environment variable" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option usage_options[] = {
	{ "by", "WHAT", "key (the default), account, model or day" },
	{ "from", "DAY", "first day, 2026-11-01; else that of this month" },
	{ "to", "DAY", "last day; else today" },
	{ "key", "NAME", "only of this key" },
	{ "csv", NULL, "as comma separated values" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option alias_options[] = {
	{ "remove", NULL, "forget the alias NAME" },
	{ NULL, NULL, NULL },
};

static const struct ctl_option models_list_options[] = {
	{ "refresh", NULL, "ask the upstream first, for every usable account" },
	{ NULL, NULL, NULL },
};

#define STREAM_TEST_OPTIONS \
	{ "key-file", "F|-", "the key of a client; without it client_token of the configuration" }, \
	{ "silence", "SECONDS", "how long nothing but pings comes (60)" }

static const struct ctl_option doctor_options[] = {
	{ "offline", NULL, "ask no upstream host" },
	{ "web-config", "FILE", "the web server's configuration, when not in the usual places" },
	{ "url", "URL", "of the gateway: measure it from a client's side, as stream-test does" },
	STREAM_TEST_OPTIONS,
	{ NULL, NULL, NULL },
};

static const struct ctl_option stream_test_options[] = {
	STREAM_TEST_OPTIONS,
	{ NULL, NULL, NULL },
};

static const struct ctl_option capture_options[] = {
	{ "minutes", "N", "how long, at most a day (15)" },
	{ NULL, NULL, NULL },
};

#define PASSPHRASE_OPTION \
	{ "passphrase-file", "F|-", "the passphrase of the file; - asks at a terminal" }

static const struct ctl_option backup_options[] = {
	PASSPHRASE_OPTION,
	{ NULL, NULL, NULL },
};

static const struct ctl_option restore_options[] = {
	{ "yes", NULL, "do it; without it only show what would be done" },
	{ "force", NULL, "also where the state has a newer record: its tokens are lost" },
	PASSPHRASE_OPTION,
	{ NULL, NULL, NULL },
};

static const struct ctl_option export_options[] = {
	{ "secrets", NULL, "with all tokens and keys, for import-state" },
	PASSPHRASE_OPTION,
	{ NULL, NULL, NULL },
};

static const struct ctl_option import_state_options[] = {
	{ "yes", NULL, "do it; without it only show what would be done" },
	PASSPHRASE_OPTION,
	{ NULL, NULL, NULL },
};

static const struct ctl_option repair_options[] = {
	{ "yes", NULL, "do it; without it only show what would be done" },
	{ "backup", "FILE", "for records that are gone, when not the newest of the state directory" },
	PASSPHRASE_OPTION,
	{ NULL, NULL, NULL },
};

static const struct ctl_option rekey_options[] = {
	{ "plain", NULL, "unencrypted; then remove state_key_file" },
	{ NULL, NULL, NULL },
};

const struct ctl_command ctl_commands[] = {
	{ "init", "", 0, 0, NULL, ctl_init,
	  "make the state directory and its stores where they are missing" },
	{ "login", "METHOD [FILE]", 1, 2, login_options, ctl_login,
	  "log in: builder-id, idc, google, github, portal, external-idp, api-key, sso-token, "
	  "kiro-ide, kiro-cli" },
	{ "account add", "", 0, 0, account_add_options, ctl_account_add,
	  "add one account; prints its id" },
	{ "account import", "[FILE|-]", 0, 1, account_import_options, ctl_account_import,
	  "take accounts from another program's file; shows them first" },
	{ "account list", "", 0, 0, NULL, ctl_account_list,
	  "all accounts" },
	{ "account show", "ID", 1, 1, NULL, ctl_account_show,
	  "one account, secrets masked" },
	{ "account set", "ID", 1, 1, account_set_options, ctl_account_set,
	  "change how it is used; an empty value takes the configured one" },
	{ "account remove", "ID", 1, 1, remove_options, ctl_account_remove,
	  "forget an account and its tokens" },
	{ "account enable", "ID", 1, 1, NULL, ctl_account_enable,
	  "use it again, whatever it was set aside for" },
	{ "account disable", "ID", 1, 1, NULL, ctl_account_disable,
	  "do not use it until it is enabled" },
	{ "account refresh", "ID | --all", 0, 1, all_options, ctl_account_refresh,
	  "renew its access token now" },
	{ "account test", "ID", 1, 1, NULL, ctl_account_test,
	  "ask the upstream for its plan and usage" },
	{ "key add", "NAME", 1, 1, key_add_options, ctl_key_add,
	  "a key for a client; the new key is printed, once" },
	{ "key set", "NAME", 1, 1, key_set_options, ctl_key_set,
	  "change what a key may do and how much of it" },
	{ "key show", "NAME", 1, 1, NULL, ctl_key_show,
	  "one key, its limits and what it has used of them" },
	{ "key rotate", "NAME", 1, 1, key_rotate_options, ctl_key_rotate,
	  "a new secret for the key; the old one ends, after --overlap" },
	{ "key revoke", "NAME", 1, 1, NULL, ctl_key_revoke,
	  "refuse this key from now on; its name and usage stay known" },
	{ "key list", "", 0, 0, NULL, ctl_key_list,
	  "the client keys" },
	{ "key remove", "NAME", 1, 1, NULL, ctl_key_remove,
	  "forget this key, which refuses it" },
	{ "code add", "USER", 1, 1, code_add_options, ctl_code_add,
	  "an activation code for a user; the new code is printed, once" },
	{ "code list", "", 0, 0, NULL, ctl_code_list,
	  "the activation codes" },
	{ "code show", "USER", 1, 1, NULL, ctl_code_show,
	  "one code, its limits and what it has used of them" },
	{ "code set", "USER", 1, 1, code_set_options, ctl_code_set,
	  "change what a code may do, its days, machine or account" },
	{ "code reset", "USER", 1, 1, NULL, ctl_code_reset,
	  "bind it to the next machine that is seen: a new computer" },
	{ "code rotate", "USER", 1, 1, key_rotate_options, ctl_code_rotate,
	  "another code for this user; the old one ends, after --overlap" },
	{ "code revoke", "USER", 1, 1, NULL, ctl_code_revoke,
	  "refuse this code from now on; its name and usage stay known" },
	{ "code remove", "USER", 1, 1, NULL, ctl_code_remove,
	  "forget this code, which refuses it" },
	{ "usage", "", 0, 0, usage_options, ctl_tally,
	  "requests, tokens, credits and errors by key, account, model or day" },
	{ "models list", "", 0, 0, models_list_options, ctl_models_list,
	  "the models that the accounts are offered" },
	{ "models show", "", 0, 0, NULL, ctl_models_show,
	  "the aliases: names of yours for models" },
	{ "models add", "NAME TARGET", 2, 2, NULL, ctl_models_add,
	  "let clients call the model TARGET by NAME; default: every unknown name" },
	{ "models remove", "NAME", 1, 1, NULL, ctl_models_remove,
	  "forget the alias NAME" },
	{ "models test", "NAME", 1, 1, NULL, ctl_models_test,
	  "what a client that asks for NAME gets, and from how many accounts" },
	{ "model alias", "NAME [TARGET]", 1, 2, alias_options, ctl_model_alias,
	  "older spelling of models add, and with --remove of models remove" },
	{ "model list", "", 0, 0, NULL, ctl_models_show,
	  "older spelling of models show" },
	{ "admin passwd", "", 0, 0, NULL, ctl_admin_passwd,
	  "set the password of the admin panel, from the terminal or standard input" },
	{ "admin off", "", 0, 0, NULL, ctl_admin_off,
	  "remove it: nobody can sign in to the admin panel" },
	{ "config check", "", 0, 0, NULL, ctl_config_check,
	  "is the configuration right?" },
	{ "config show", "", 0, 0, NULL, ctl_config_show,
	  "every option, its value and where it came from" },
	{ "config example", "", 0, 0, NULL, ctl_config_example,
	  "a kiro.json with every option, its help and default" },
	{ "config manual", "", 0, 0, NULL, ctl_config_manual,
	  "the options as the table of kiro.json(5)" },
	{ "capture start", "KEY", 1, 1, capture_options, ctl_capture_start,
	  "keep the bodies of this key's requests for a time, without secrets" },
	{ "capture status", "", 0, 0, NULL, ctl_capture_status,
	  "is something captured?" },
	{ "capture stop", "", 0, 0, NULL, ctl_capture_stop,
	  "end it, and remove what was captured" },
	{ "audit show", "", 0, 0, NULL, ctl_audit_show,
	  "who changed what, when and from where" },
	{ "audit verify", "", 0, 0, NULL, ctl_audit_verify,
	  "is the audit log as it was written?" },
	{ "backup", "[FILE|-]", 0, 1, backup_options, ctl_backup,
	  "accounts, keys and aliases in one file; else in the state directory's backup/" },
	{ "restore", "FILE", 1, 1, restore_options, ctl_restore,
	  "take a backup back; what is newer here stays" },
	{ "export", "[FILE|-]", 0, 1, export_options, ctl_export,
	  "the state as JSON lines, secrets masked" },
	{ "import-state", "FILE", 1, 1, import_state_options, ctl_import_state,
	  "take over an export of another installation" },
	{ "repair", "", 0, 0, repair_options, ctl_repair,
	  "a new file for a damaged store; the old one goes to quarantine/" },
	{ "rekey", "", 0, 0, rekey_options, ctl_rekey,
	  "encrypt every record with the first key of state_key_file" },
	{ "doctor", "", 0, 0, doctor_options, ctl_doctor,
	  "check the installation and say what to do" },
	{ "stream-test", "URL", 1, 1, stream_test_options, ctl_stream_test,
	  "check the web server in front of the gateway, from a client's side" },
	{ "completion", "", 0, 0, NULL, ctl_completion,
	  "the completion of these commands, for bash" },
};
/* clang-format on */

const size_t ctl_command_count = ARRAY_SIZE(ctl_commands);

int ctl_completion(struct ctl *c, struct error *e)
{
	(void)c;
	(void)e;
	completion_print(stdout, ctl_commands, ctl_command_count);
	return 0;
}
