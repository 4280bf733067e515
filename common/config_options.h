/*
 * config_options.h - the table behind config.h: one row is an option's whole truth. Read by the
 * parser (config.c) and the printers (config_print.c) only.
 */
#ifndef COMMON_CONFIG_OPTIONS_H
#define COMMON_CONFIG_OPTIONS_H

#include "common/config.h"

enum config_type { TEXT, PATH, BASE_URL, PROXY, SECRET, INTEGER, BOOLEAN, CHOICE };

struct config_option {
	const char *name; /* "a.b" stands for {"a": {"b": ...}} */
	enum config_type type;
	size_t at; /* offset in struct config */
	const char *initial;
	int64_t min, max; /* INTEGER */
	const char *unit;
	const char *const *choices; /* CHOICE: the value is the index */
	const char *alias;	    /* name in older gateways' environments */
	const char *text;
};

extern const struct config_option config_options[];
extern const size_t config_option_count;

/* The member of c that the option sets: char * for the text types, struct secret, int or bool. */
void *config_field(const struct config *c, const struct config_option *o);
bool config_is_text(enum config_type type);

/* "KIRO_" and the name in capitals, dots as "_". */
#define CONFIG_VARIABLE_SIZE 96
void config_variable(const struct config_option *o, char out[static CONFIG_VARIABLE_SIZE]);

#endif
