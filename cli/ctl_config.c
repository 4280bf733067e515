/*
 * kiroctl config check, show, example, manual.
 */
#include "common/base.h"
#include "cli/ctl.h"

#define TEXT_MAX MB(1) /* all options with their help are some 20 KB */

static void print(struct buf *text)
{
	fwrite(text->at, 1, text->len, stdout);
	buf_release(text);
}

int ctl_config_check(struct ctl *c, struct error *e)
{
	if (ctl_config(c, e))
		return -1;
	printf("%s: right\n",
	       c->config->file ? c->config->file : "no file, defaults and environment");
	return 0;
}

int ctl_config_show(struct ctl *c, struct error *e)
{
	struct buf text;

	if (ctl_config(c, e))
		return -1;
	buf_init(&text, TEXT_MAX);
	config_write_effective(c->config, &text);
	print(&text);
	return 0;
}

int ctl_config_example(struct ctl *c, struct error *e)
{
	struct buf text;

	(void)c;
	(void)e;
	buf_init(&text, TEXT_MAX);
	config_write_example(&text);
	print(&text);
	return 0;
}

int ctl_config_manual(struct ctl *c, struct error *e)
{
	struct buf text;

	(void)c;
	(void)e;
	buf_init(&text, TEXT_MAX);
	config_write_manual(&text);
	print(&text);
	return 0;
}
