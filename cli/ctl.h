/*
 * ctl.h - kiroctl: what its commands share. A command is a row of ctl_commands[] (ctl_commands.c)
 * and a handler in the ctl_*.c file of its noun. Nothing ever asks a question: what is dangerous
 * wants --yes, what is secret comes from a file, standard input or the environment. Only login
 * waits for a person, and asks at a terminal for what it else reads from standard input.
 *
 * Results go to standard output, all else to standard error.
 */
#ifndef CLI_CTL_H
#define CLI_CTL_H

#include "common/base.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/error.h"
#include "common/secret.h"
#include "common/store.h"

#define CTL_OPTIONS  24 /* most options of one command */
#define CTL_OPERANDS 4
#define CTL_OUTPUT   MB(16) /* LIMIT_ACCOUNTS accounts as JSON */

struct account;
struct ctl;
struct http_client;
struct live;

struct ctl_option {
	const char *name;     /* without "--" */
	const char *argument; /* NULL: a flag */
	const char *help;
};

struct ctl_command {
	const char *words;		  /* "account add" */
	const char *arguments;		  /* "ID", for people */
	size_t least, most;		  /* operands */
	const struct ctl_option *options; /* ends with a NULL name; NULL: none */
	/* 0; -1 and *e; or an exit code, when all is said already. */
	int (*run)(struct ctl *c, struct error *e);
	const char *help; /* one line */
};

extern const struct ctl_command ctl_commands[];
extern const size_t ctl_command_count;

struct ctl {
	const struct ctl_command *command;
	const char *values[CTL_OPTIONS]; /* of command->options, "" for a flag, NULL: not given */
	const char *operands[CTL_OPERANDS];
	size_t operand_count;
	bool json;

	const char *config_file; /* --config, or NULL */
	char program[LIMIT_URL]; /* path of this program, "" unknown */

	struct config *config;		  /* NULL until ctl_config() */
	struct store tokens, keys, usage; /* open when their path is set */
	struct http_client *http;	  /* NULL until ctl_http() */
	struct live *live;		  /* NULL until ctl_live() */
	char *accounts; /* the ids that --accounts stands for; NULL: not looked up yet */
	bool stdin_taken;
	char touched[256]; /* by ctl_touched() */
	int64_t announced; /* number of this run's first line in the audit log; 0: none */
};

/* ctl_state.c: opened at first use. ctl_create() makes what is missing before. */
int ctl_config(struct ctl *c, struct error *e);
int ctl_create(struct ctl *c, struct error *e);
int ctl_tokens(struct ctl *c, struct error *e);
int ctl_keys(struct ctl *c, struct error *e);
int ctl_usage_store(struct ctl *c, struct error *e); /* made where it is missing */
int ctl_http(struct ctl *c, struct error *e);
struct live *ctl_live(struct ctl *c); /* after ctl_config() */
void ctl_release(struct ctl *c);

/* ctl_input.c: the value of an option of this command, NULL when it was not given. */
const char *ctl_value(const struct ctl *c, const char *name);
/* A file, or "-" for standard input, which can be read once. Bytes that held a secret
 * are wiped with buf_wipe(). */
int ctl_read(struct ctl *c, const char *path, struct buf *out, struct error *e);
/* The one line of such a file, blanks around it removed; empty is an error. what: its name for
 * messages. */
int ctl_read_secret(struct ctl *c, const char *what, const char *path, struct secret *out,
		    struct error *e);
/* ctl_backup.c: the same for the passphrase of a file; "-" at a terminal asks for it, unseen. */
int ctl_read_passphrase(struct ctl *c, const char *path, struct secret *out, struct error *e);

/* ctl_output.c: says what is wrong with the command line; returns EX_USAGE. */
int ctl_usage(const struct ctl *c, const char *format, ...) PRINTF_LIKE(2, 3);
/* Text of other parties is shown without control characters. */
void ctl_print_clean(FILE *to, const char *text);
void ctl_print_json(const struct buf *json);
/* What became of a thing: "NAME: RESULT", or an object with both as "name" and "result". */
void ctl_print_result(const struct ctl *c, const char *name, const char *result);
/* "2026-11-21T10:00:00Z", or `never` for 0. */
const char *ctl_date(int64_t seconds, const char *never, char *out, size_t size);

/* ctl_audit.c: for the audit log, the id of what the command changes, when its operand is no name
 * of that. More of them are separated by commas. */
void ctl_touched(struct ctl *c, const char *name);

/* Handlers. */
int ctl_init(struct ctl *c, struct error *e);
int ctl_account_add(struct ctl *c, struct error *e);
int ctl_account_import(struct ctl *c, struct error *e);
/* The same: file, or NULL for the environment. store: really, else only show. share: activation
 * codes may use the accounts that are nobody's. */
int ctl_import(struct ctl *c, const char *file, bool store, bool share, struct error *e);
int ctl_login(struct ctl *c, struct error *e);
int ctl_account_list(struct ctl *c, struct error *e);
int ctl_account_show(struct ctl *c, struct error *e);
int ctl_account_set(struct ctl *c, struct error *e);
int ctl_account_remove(struct ctl *c, struct error *e);
int ctl_account_enable(struct ctl *c, struct error *e);
int ctl_account_disable(struct ctl *c, struct error *e);
int ctl_account_refresh(struct ctl *c, struct error *e);
int ctl_account_test(struct ctl *c, struct error *e);
int ctl_key_add(struct ctl *c, struct error *e);
int ctl_key_set(struct ctl *c, struct error *e);
int ctl_key_show(struct ctl *c, struct error *e);
int ctl_key_rotate(struct ctl *c, struct error *e);
int ctl_key_revoke(struct ctl *c, struct error *e);
int ctl_key_list(struct ctl *c, struct error *e);
int ctl_key_remove(struct ctl *c, struct error *e);
int ctl_code_add(struct ctl *c, struct error *e);
int ctl_code_list(struct ctl *c, struct error *e);
int ctl_code_remove(struct ctl *c, struct error *e);
int ctl_code_reset(struct ctl *c, struct error *e);
int ctl_code_revoke(struct ctl *c, struct error *e);
int ctl_code_rotate(struct ctl *c, struct error *e);
int ctl_code_set(struct ctl *c, struct error *e);
int ctl_code_show(struct ctl *c, struct error *e);
int ctl_tally(struct ctl *c, struct error *e);
int ctl_admin_passwd(struct ctl *c, struct error *e);
int ctl_admin_off(struct ctl *c, struct error *e);
int ctl_model_alias(struct ctl *c, struct error *e);
int ctl_models_add(struct ctl *c, struct error *e);
int ctl_models_list(struct ctl *c, struct error *e);
int ctl_models_remove(struct ctl *c, struct error *e);
int ctl_models_show(struct ctl *c, struct error *e);
int ctl_models_test(struct ctl *c, struct error *e);
int ctl_config_check(struct ctl *c, struct error *e);
int ctl_config_show(struct ctl *c, struct error *e);
int ctl_config_example(struct ctl *c, struct error *e);
int ctl_config_manual(struct ctl *c, struct error *e);
int ctl_audit_show(struct ctl *c, struct error *e);
int ctl_audit_verify(struct ctl *c, struct error *e);
int ctl_capture_start(struct ctl *c, struct error *e);
int ctl_capture_status(struct ctl *c, struct error *e);
int ctl_capture_stop(struct ctl *c, struct error *e);
int ctl_doctor(struct ctl *c, struct error *e);
int ctl_stream_test(struct ctl *c, struct error *e);
int ctl_completion(struct ctl *c, struct error *e);
int ctl_backup(struct ctl *c, struct error *e);
int ctl_restore(struct ctl *c, struct error *e);
int ctl_export(struct ctl *c, struct error *e);
int ctl_import_state(struct ctl *c, struct error *e);
int ctl_repair(struct ctl *c, struct error *e);
int ctl_rekey(struct ctl *c, struct error *e);

#endif
