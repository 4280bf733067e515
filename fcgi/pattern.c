#include "common/base.h"
#include "fcgi/pattern.h"

#include "common/buf.h"
#include "common/limits.h"

#include <regex.h>

#define MAX_PATTERN	512
#define MAX_TEXT	KB(64)
#define MAX_REPETITIONS 10000 /* product of all {n,m}: nested ones grow the automaton by it */

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

/* {n}, {n,}, {n,m}: multiplies *all by the larger bound. */
static bool repeats_too_often(const char *brace, long *all)
{
	char *end;
	long bound = strtol(brace + 1, &end, 10);

	if (*end == ',' && end[1] != '}')
		bound = strtol(end + 1, &end, 10);
	if (bound > MAX_REPETITIONS)
		return true;
	*all *= bound > 1 ? bound : 1;
	return *all > MAX_REPETITIONS;
}

static bool translate(const char *pattern, struct buf *out)
{
	bool in_set = false;
	long repetitions = 1;

	for (const char *c = pattern; *c; c++) {
		if (*c == '\\') {
			if (!add_escape(out, *++c, in_set))
				return false;
			continue;
		}
		if (!in_set && ((c[0] == '(' && c[1] == '?') ||
				(c[0] == '{' && repeats_too_often(c, &repetitions))))
			return false;
		if (in_set ? c[0] == '['
			   : c[0] == '[' && (c[1] == ']' || (c[1] == '^' && c[2] == ']')))
			return false; /* means something else here */
		in_set = in_set ? *c != ']' : *c == '[';
		buf_add_char(out, *c);
	}
	return !out->failed;
}

static bool is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return !*text;
}

bool pattern_matches(const char *pattern, const char *text)
{
	struct buf expression;
	regex_t regex;
	bool matches = true;

	if (strlen(pattern) > MAX_PATTERN || strlen(text) > MAX_TEXT || !is_ascii(pattern) ||
	    !is_ascii(text))
		return true;
	buf_init(&expression, MAX_PATTERN * 16);
	if (translate(pattern, &expression) &&
	    !regcomp(&regex, expression.at, REG_EXTENDED | REG_NOSUB)) {
		matches = regexec(&regex, text, 0, NULL, 0) != REG_NOMATCH;
		regfree(&regex);
	}
	buf_release(&expression);
	return matches;
}
