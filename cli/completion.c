/*
 * The script looks at the words before the cursor that are no options: one or two of them are a
 * command. Where it has nothing to offer, bash completes file names.
 */
#include "common/base.h"
#include "cli/completion.h"

static const char head[] =
	"# bash completion of kiroctl. Made by \"kiroctl completion\".\n"
	"_kiroctl()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal words=() names= options= valued= i\n"
	"\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t--config | --state-dir) ((i++)) ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) words+=(\"${COMP_WORDS[i]}\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tcase \"${words[*]:0:2}\" in\n";

static const char tail[] =
	"\tesac\n"
	"\tCOMPREPLY=()\n"
	"\tcase \" $valued --config --state-dir \" in *\" $prev \"*) return ;; esac\n"
	"\tcase $cur in\n"
	"\t-*) names=\"$options --config --state-dir --json --help --version\" ;;\n"
	"\tesac\n"
	"\tCOMPREPLY=($(compgen -W \"$names\" -- \"$cur\"))\n"
	"}\n"
	"complete -o default -F _kiroctl kiroctl\n";

static size_t first_len(const struct ctl_command *k)
{
	return strcspn(k->words, " ");
}

static bool same_first(const struct ctl_command *a, const struct ctl_command *b)
{
	return first_len(a) == first_len(b) && strncmp(a->words, b->words, first_len(a)) == 0;
}

/* Is no command before it called by the same first word? */
static bool is_first(const struct ctl_command *commands, size_t i)
{
	for (size_t before = 0; before < i; before++) {
		if (same_first(&commands[before], &commands[i]))
			return false;
	}
	return true;
}

static void print_options(FILE *to, const struct ctl_option *o, bool valued)
{
	const char *blank = "";

	for (; o && o->name; o++) {
		if (valued && !o->argument)
			continue;
		fprintf(to, "%s--%s", blank, o->name);
		blank = " ";
	}
}

/* What may follow a whole command: its options. */
static void print_command(FILE *to, const struct ctl_command *k)
{
	if (k->words[first_len(k)])
		fprintf(to, "\t\"%s\")", k->words);
	else
		fprintf(to, "\t\"%s\" | \"%s \"*)", k->words, k->words);
	fputs(" options=\"", to);
	print_options(to, k->options, false);
	fputs("\" valued=\"", to);
	print_options(to, k->options, true);
	fputs("\" ;;\n", to);
}

/* What may follow the first word of two: the second ones. */
static void print_second_words(FILE *to, const struct ctl_command *commands, size_t count, size_t i)
{
	size_t len = first_len(&commands[i]);

	if (!commands[i].words[len] || !is_first(commands, i))
		return;
	fprintf(to, "\t\"%.*s\") names=\"", (int)len, commands[i].words);
	for (size_t k = i; k < count; k++) {
		if (same_first(&commands[k], &commands[i]))
			fprintf(to, "%s%s", k > i ? " " : "", commands[k].words + len + 1);
	}
	fputs("\" ;;\n", to);
}

void completion_print(FILE *to, const struct ctl_command *commands, size_t count)
{
	fputs(head, to);
	fputs("\t\"\") names=\"", to);
	for (size_t i = 0; i < count; i++) {
		if (is_first(commands, i))
			fprintf(to, "%s%.*s", i ? " " : "", (int)first_len(&commands[i]),
				commands[i].words);
	}
	fputs("\" ;;\n", to);
	for (size_t i = 0; i < count; i++) {
		print_second_words(to, commands, count, i);
		print_command(to, &commands[i]);
	}
	fputs(tail, to);
}
