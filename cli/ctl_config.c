/*
 * kiroctl config check, show, example, manual.
 */
#include "common/base.h"
#include "cli/ctl.h"

#define TEXT_MAX MB(1) /* all options with their help are some 20 KB */

int ctl_config_check(struct ctl *c, struct error *e)
{
	if (ctl_config(c, e) || ctl_http(c, e)) /* which reads ca_file */
		return -1;
	if (*c->config->state_dir != '/')
		return error_set(e, ERR_CONFIG, "state_dir %s: must be an absolute path",
				 c->config->state_dir);
	ctl_print_result(c, c->config->file ? c->config->file : "no file, defaults and environment",
			 "right");
	return 0;
}

static int print(struct ctl *c, struct buf *text)
{
	int rc = 0;

	if (c->json)
		rc = ctl_usage(c, "%s has no JSON form", c->command->words);
	else
		fwrite(text->at, 1, text->len, stdout);
	buf_release(text);
	return rc;
}

int ctl_config_show(struct ctl *c, struct error *e)
{
	struct buf text;

	if (ctl_config(c, e))
		return -1;
	buf_init(&text, TEXT_MAX);
	config_write_effective(c->config, &text);
	return print(c, &text);
}

int ctl_config_example(struct ctl *c, struct error *e)
{
	struct buf text;

	(void)e;
	buf_init(&text, TEXT_MAX);
	config_write_example(&text);
	return print(c, &text);
}

int ctl_config_manual(struct ctl *c, struct error *e)
{
	struct buf text;

	(void)e;
	buf_init(&text, TEXT_MAX);
	config_write_manual(&text);
	return print(c, &text);
}
