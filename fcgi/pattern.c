#include "common/base.h"
#include "fcgi/pattern.h"

#include "common/buf.h"
#include "common/limits.h"

#include <regex.h>

#define MAX_PATTERN 512
#define MAX_TEXT    KB(8)
#define MAX_NODES   250 /* regcomp() recurses over them: 1,000 took more than 128 KiB of stack */
#define MAX_NESTED  64	/* groups within groups */
/* What is done for so many nodes takes as long as another step of a schema. */
#define NODES_STEP 64

static const char *class_of(char letter)
{
	switch (letter) {
	case 'd':
		return "0-9";
	case 'w':
		return "A-Za-z0-9_";
	case 's':
		return " \t\r\n\f\v";
	}
	return NULL;
}

/* One escape, the letter behind the backslash. false: it has no counterpart. */
static bool add_escape(struct buf *out, char letter, bool in_set)
{
	const char *class = class_of(letter);

	if (class) {
		buf_add_format(out, in_set ? "%s" : "[%s]", class);
	} else if (!letter || !strchr("\\/.-^$*+?()[]{}|\"'#@!%&,:;<>=_`~ ", letter)) {
		return false;
	} else if (!in_set) {
		buf_add_format(out, "[%c]", letter);
		if (letter == '^') { /* a set cannot begin with it */
			out->len -= 3;
			buf_add_text(out, "\\^");
		}
	} else if (strchr("]-^", letter)) {
		return false; /* their place in a set decides what they mean */
	} else {
		buf_add_char(out, letter);
	}
	return true;
}

static bool translate(const char *pattern, struct buf *out)
{
	bool in_set = false;

	for (const char *c = pattern; *c; c++) {
		if (*c == '\\') {
			if (!add_escape(out, *++c, in_set))
				return false;
			continue;
		}
		if (!in_set && c[0] == '(' && c[1] == '?')
			return false;
		if (in_set ? c[0] == '['
			   : c[0] == '[' && (c[1] == ']' || (c[1] == '^' && c[2] == ']')))
			return false; /* means something else here */
		in_set = in_set ? *c != ']' : *c == '[';
		buf_add_char(out, *c);
	}
	return !out->failed;
}

/* ---- what an expression costs ---- */

/* A group, or the whole, as far as it was read. */
struct part {
	long nodes, last; /* in all, and of what a repetition is about */
	bool before;	  /* what is before the last may be empty, since the last | */
	bool empty;	  /* the last may be */
	bool any;	  /* an alternative before the last | may be */
};

static const struct part nothing = { .before = true, .empty = true };

static bool may_be_empty(const struct part *p)
{
	return p->any || (p->before && p->empty);
}

static void add_atom(struct part *p, long nodes, bool empty)
{
	p->before = p->before && p->empty;
	p->empty = empty;
	p->last = nodes;
	p->nodes += nodes;
}

static void add_choice(struct part *p)
{
	p->any = may_be_empty(p);
	p->before = p->empty = true;
	p->last = 0;
	p->nodes++;
}

/* Of {n}, {n,}, {n,m} at *c, which is left at its end: repeats what is before it. */
static bool add_bounds(struct part *p, const char **c)
{
	char *end;
	long least = strtol(*c + 1, &end, 10), most = least;

	if (*end == ',' && end[1] == '}' && p->empty)
		return false;
	if (*end == ',' && end[1] != '}')
		most = strtol(end + 1, &end, 10);
	if (most > MAX_NODES)
		return false;
	if (most > 1) {
		p->nodes += p->last * (most - 1);
		p->last *= most;
	}
	p->empty |= least < 1;
	*c += strcspn(*c, "}");
	return true;
}

/* One of *, +, ?, {. Loops that may go round without a character are what regcomp() takes hours
 * for: (a*|b)* ten times over. */
static bool add_repetition(struct part *p, const char **c)
{
	if (**c == '{')
		return add_bounds(p, c);
	if (**c != '?' && p->empty)
		return false;
	p->empty |= **c != '+';
	p->last++;
	p->nodes++;
	return true;
}

/* The end of the set that begins there: its first character is of it, even a "]". */
static const char *set_end(const char *set)
{
	set += set[1] == '^' ? 2 : 1;
	return *set ? set + 1 + strcspn(set + 1, "]") : set;
}

/* How many nodes the automaton of a translated pattern has. -1: too many, or it is not known how
 * long it would take to make. */
static long count_nodes(const char *c)
{
	struct part parts[MAX_NESTED + 1] = { nothing }, *p = parts;

	for (; *c && p->nodes <= MAX_NODES; c++) {
		if (*c == '(' && p < parts + MAX_NESTED) {
			*++p = nothing;
		} else if (*c == ')' && p > parts) {
			p--;
			add_atom(p, p[1].nodes + 1, may_be_empty(&p[1]));
		} else if (*c == '|') {
			add_choice(p);
		} else if (strchr("*+?{", *c)) {
			if (!add_repetition(p, &c))
				return -1;
		} else if (strchr("()", *c)) {
			return -1;
		} else {
			add_atom(p, 1, strchr("^$", *c));
			c = *c == '[' ? set_end(c) : *c == '\\' ? c + 1 : c;
		}
		if (!*c)
			return -1;
	}
	return p == parts && p->nodes <= MAX_NODES ? p->nodes : -1;
}

static bool is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return !*text;
}

/* The search for its place is part of the expression: regexec() would begin anew at each character,
 * and take seconds for some kilobytes. */
static bool matches(struct span expression, const char *text)
{
	struct buf whole;
	regex_t regex;
	bool found = true;

	buf_init(&whole, MAX_PATTERN * 16 + 8);
	buf_add_text(&whole, "^.*(");
	buf_add(&whole, expression.at, expression.len);
	buf_add_char(&whole, ')');
	if (!regcomp(&regex, whole.at, REG_EXTENDED | REG_NOSUB)) {
		found = regexec(&regex, text, 0, NULL, 0) != REG_NOMATCH;
		regfree(&regex);
	}
	buf_release(&whole);
	return found;
}

bool pattern_matches(const char *pattern, const char *text, long *steps)
{
	const size_t len = strlen(text);
	struct buf expression;
	long nodes = -1;
	bool found = true;

	if (strlen(pattern) > MAX_PATTERN || len > MAX_TEXT || !is_ascii(pattern) ||
	    !is_ascii(text))
		return true;
	buf_init(&expression, MAX_PATTERN * 16);
	if (translate(pattern, &expression))
		nodes = count_nodes(expression.at);
	if (nodes > 0) {
		*steps += nodes * (nodes + (long)len) / NODES_STEP;
		found = matches(buf_span(&expression), text);
	}
	buf_release(&expression);
	return found;
}
