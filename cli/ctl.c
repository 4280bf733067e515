/*
 * kiroctl - the operator's command line.
 */
#include "common/base.h"
#include "cli/ctl.h"
#include "cli/ctl_audit.h"

#include "common/limits.h"
#include "common/log.h"
#include "common/secret.h"

#include <sysexits.h>

/* What stands on a command line can be read by every user of the machine. */
/* clang-format off */
static const struct {
	const char *name, *instead;
} secret_options[] = {
	{ "refresh-token", "--refresh-token-file FILE (or - for standard input)" },
	{ "access-token", "--refresh-token-file FILE: access tokens are made from it" },
	{ "client-secret", "--client-secret-file FILE" },
	{ "api-key", "--api-key-file FILE, or the environment variable KIRO_API_KEY" },
	{ "sso-token", "kiroctl login sso-token, which reads it from standard input" },
	{ "key", "--from-file FILE or --from-env VARIABLE" },
	{ "code", "--from-file FILE or --from-env VARIABLE" },
	{ "token", "a file or --from-env VARIABLE" },
	{ "password", "kiroctl admin passwd, which reads it from standard input" },
	{ "passphrase", "--passphrase-file FILE (or - for standard input)" },
};
/* clang-format on */

static void print_commands(FILE *to, const char *prefix)
{
	size_t len = strlen(prefix);

	for (size_t i = 0; i < ctl_command_count; i++) {
		const struct ctl_command *k = &ctl_commands[i];
		char usage[64];

		if (strncmp(k->words, prefix, len) != 0)
			continue;
		snprintf(usage, sizeof(usage), "%s %s", k->words, k->arguments);
		fprintf(to, "  %-28s %s\n", usage, k->help);
	}
}

/* prefix: what the commands of the noun `word` begin with. */
static bool is_noun(const char *word, char prefix[static 32])
{
	snprintf(prefix, 32, "%.30s ", word);
	for (size_t i = 0; i < ctl_command_count; i++) {
		if (strncmp(ctl_commands[i].words, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

static void print_globals(void)
{
	puts("\nOptions of every command:\n"
	     "  --config FILE        the configuration file, when not the usual one\n"
	     "  --state-dir DIR      the state directory, when not the configured one\n"
	     "  --json               results as JSON\n"
	     "  --help, --version");
}

static void print_help(const struct ctl *c, const char *noun)
{
	const struct ctl_option *o = c->command ? c->command->options : NULL;
	char prefix[32];

	if (!c->command && noun && is_noun(noun, prefix)) {
		printf("Usage: kiroctl %s COMMAND [OPTION...]\n\nCommands:\n", noun);
		print_commands(stdout, prefix);
	} else if (!c->command) {
		puts("Usage: kiroctl COMMAND [OPTION...]\n\nCommands:");
		print_commands(stdout, "");
	} else {
		printf("Usage: kiroctl %s%s%s%s\n\n%s\n", c->command->words,
		       *c->command->arguments ? " " : "", c->command->arguments,
		       o ? " [OPTION...]" : "", c->command->help);
		if (o)
			puts("\nOptions:");
	}
	for (; o && o->name; o++) {
		char usage[64];

		snprintf(usage, sizeof(usage), "--%s %s", o->name, o->argument ? o->argument : "");
		printf("  %-28s %s\n", usage, o->help);
	}
	print_globals();
}

/* The words that argv[0] and argv[1] make, and how many they are. */
static const struct ctl_command *find_command(char **words, int count, int *used)
{
	for (size_t i = 0; i < ctl_command_count; i++) {
		const char *name = ctl_commands[i].words, *blank = strchr(name, ' ');
		size_t len = blank ? (size_t)(blank - name) : strlen(name);

		if (strlen(words[0]) != len || strncmp(words[0], name, len) != 0)
			continue;
		*used = blank ? 2 : 1;
		if (!blank || (count > 1 && strcmp(words[1], blank + 1) == 0))
			return &ctl_commands[i];
	}
	return NULL;
}

static int unknown_command(const struct ctl *c, char **words, int count)
{
	char prefix[32];

	if (!is_noun(words[0], prefix))
		return ctl_usage(c, "unknown command: %s", words[0]);
	fprintf(stderr, "kiroctl: %s%s%s: the commands are:\n", words[0], count > 1 ? " " : "",
		count > 1 ? words[1] : "");
	print_commands(stderr, prefix);
	return EX_USAGE;
}

static int unknown_option(const struct ctl *c, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(secret_options); i++) {
		const char *secret = secret_options[i].name;

		if (strlen(secret) == len && strncmp(secret, name, len) == 0)
			return ctl_usage(c,
					 "--%s: a secret on the command line can be seen by every "
					 "user of this machine; use %s",
					 secret, secret_options[i].instead);
	}
	return ctl_usage(c, "unknown option --%.*s", (int)len, name);
}

/* --name VALUE or --name=VALUE. *at is the word's index and moves over what was used. */
static int take_value(const struct ctl *c, char **argv, int argc, int *at, size_t len,
		      const char **value)
{
	const char *word = argv[*at] + 2;

	if (word[len] == '=')
		*value = word + len + 1;
	else if (*at + 1 < argc)
		*value = argv[++*at];
	else
		return ctl_usage(c, "--%s: its value is missing", word);
	return 0;
}

/* 1: it is one of the command's own; 0: it is not; or EX_USAGE. */
static int take_own_option(struct ctl *c, char **argv, int argc, int *at, size_t len)
{
	const struct ctl_option *o = c->command ? c->command->options : NULL;
	const char *word = argv[*at] + 2;

	for (size_t i = 0; o && o[i].name; i++) {
		assert(i < CTL_OPTIONS);
		if (strlen(o[i].name) != len || strncmp(o[i].name, word, len) != 0)
			continue;
		if (o[i].argument)
			return take_value(c, argv, argc, at, len, &c->values[i]) ? EX_USAGE : 1;
		if (word[len])
			return ctl_usage(c, "--%s takes no value", o[i].name);
		c->values[i] = "";
		return 1;
	}
	return 0;
}

struct globals {
	const char *state_dir;
	const char *noun; /* whose commands help is wanted for, NULL: of a command, or of all */
	bool help, version;
};

static int take_option(struct ctl *c, struct globals *g, char **argv, int argc, int *at)
{
	const char *word = argv[*at] + 2;
	size_t len = strcspn(word, "=");
	int rc = take_own_option(c, argv, argc, at, len);

	if (rc)
		return rc == 1 ? 0 : rc;
	if (len == 6 && strncmp(word, "config", len) == 0)
		return take_value(c, argv, argc, at, len, &c->config_file);
	if (len == 9 && strncmp(word, "state-dir", len) == 0)
		return take_value(c, argv, argc, at, len, &g->state_dir);
	if (strcmp(word, "json") == 0)
		c->json = true;
	else if (strcmp(word, "help") == 0)
		g->help = true;
	else if (strcmp(word, "version") == 0)
		g->version = true;
	else
		return unknown_option(c, word, len);
	return 0;
}

/* "help account add" and "account --help" ask for the same things as "account add --help". */
static bool wants_help(char **words, int count, char **argv, int argc)
{
	bool asked = count && strcmp(words[0], "help") == 0;

	for (int i = 1; i < argc; i++)
		asked |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
	return asked;
}

/* The words of the command are the first two that are no options: they must be known before the
 * options are read, as those belong to it. */
static int parse_words(struct ctl *c, struct globals *g, char **argv, int argc, bool *is_word)
{
	char *all[3] = { NULL, NULL, NULL }, **words = all, prefix[32];
	int places[3] = { 0, 0, 0 }, count = 0, used = 0, first;

	for (int i = 1; i < argc && count < 3; i++) {
		if (strncmp(argv[i], "-", 1) == 0) {
			if (strcmp(argv[i], "--config") == 0 || strcmp(argv[i], "--state-dir") == 0)
				i++;
			continue;
		}
		places[count] = i;
		words[count++] = argv[i];
	}
	g->help = wants_help(words, count, argv, argc);
	first = count && strcmp(words[0], "help") == 0;
	words += first;
	count -= first;
	if (count)
		c->command = find_command(words, count, &used);
	if (count && !c->command && !(g->help && is_noun(words[0], prefix)))
		return unknown_command(c, words, count < 2 ? count : 2);
	if (count && !c->command) {
		g->noun = words[0];
		used = count;
	}
	for (int i = 0; i < first + used; i++)
		is_word[places[i]] = true;
	return 0;
}

static int parse(struct ctl *c, struct globals *g, char **argv, int argc)
{
	bool *is_word = xcalloc((size_t)argc + 1, sizeof(*is_word));
	bool options = true;
	int rc = parse_words(c, g, argv, argc, is_word);

	for (int i = 1; i < argc && !rc; i++) {
		if (is_word[i])
			continue;
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && strncmp(argv[i], "--", 2) == 0)
			rc = take_option(c, g, argv, argc, &i);
		else if (options && strcmp(argv[i], "-h") == 0)
			g->help = true;
		else if (options && argv[i][0] == '-' && argv[i][1])
			rc = ctl_usage(c, "unknown option %s", argv[i]);
		else if (c->operand_count == CTL_OPERANDS)
			rc = ctl_usage(c, "too many arguments");
		else
			c->operands[c->operand_count++] = argv[i];
	}
	free(is_word);
	return rc;
}

static int check_operands(const struct ctl *c)
{
	if (c->operand_count < c->command->least)
		return ctl_usage(c, "%s: missing argument: %s", c->command->words,
				 c->command->arguments);
	if (c->operand_count > c->command->most)
		return ctl_usage(c, "%s: unexpected argument: %s", c->command->words,
				 c->operands[c->command->most]);
	return 0;
}

static int complain(const struct error *e)
{
	fputs("kiroctl: ", stderr);
	ctl_print_clean(stderr, e->message);
	fputc('\n', stderr);
	return error_exit_code(e);
}

static int flush_output(int rc)
{
	if ((!fflush(stdout) && !ferror(stdout)) || rc)
		return rc;
	fprintf(stderr, "kiroctl: cannot write the result: %s\n", strerror(errno));
	return EX_IOERR;
}

static int run(struct ctl *c)
{
	struct error e = { 0 };
	struct error unnoted = { 0 };
	bool noted = true;
	int rc = ctl_audit_begin(c, &e);

	if (!rc) {
		rc = c->command->run(c, &e);
		noted = !ctl_audit_note(c, rc, &e, &unnoted);
	}
	if (rc < 0)
		rc = complain(&e);
	if (!noted)
		rc = complain(&unnoted);
	ctl_release(c);
	return flush_output(rc);
}

int main(int argc, char **argv)
{
	static const struct log_options log = { .level = LOG_WARN };
	struct ctl c = { .command = NULL };
	struct globals g = { .help = false };
	int rc;

	secret_keep_from_cores();
	log_open(&log);
	if (readlink("/proc/self/exe", c.program, sizeof(c.program) - 1) < 0)
		c.program[0] = '\0';
	rc = parse(&c, &g, argv, argc);
	if (rc)
		return rc;
	if (g.version)
		puts("kiroctl " KIRO_FCGI_VERSION);
	else if (g.help || !c.command)
		print_help(&c, g.noun);
	if (g.version || g.help || !c.command)
		return flush_output(0);
	rc = check_operands(&c);
	if (rc)
		return rc;
	/* The environment is the strongest source of the configuration: so is the option. */
	if (g.state_dir)
		setenv("KIRO_STATE_DIR", g.state_dir, 1);
	return run(&c);
}
