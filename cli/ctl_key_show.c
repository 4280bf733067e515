#include "common/base.h"
#include "cli/ctl_key.h"

#include "common/clock.h"

const char *ctl_key_state(const struct key *key)
{
	const int64_t now = clock_wall();

	if (key->revoked_at)
		return "revoked";
	if (key->ends_at)
		return key->ends_at > now ? "replaced" : "ended";
	return key->expires_at && key->expires_at <= now ? "expired" : "active";
}

/* ---- as JSON ---- */

static void write_list(struct jsonw *w, const char *name, const char *list)
{
	jsonw_begin_array_member(w, name);
	for (list += strspn(list, ", "); *list; list += strspn(list, ", ")) {
		size_t len = strcspn(list, ", ");

		jsonw_span(w, (struct span){ list, len });
		list += len;
	}
	jsonw_end(w);
}

static double in_units(int measure, int64_t value)
{
	return measure == MEASURE_CREDITS ? (double)value / KEY_CREDIT : (double)value;
}

/* null: no limit. */
static void write_numbers(struct jsonw *w, const char *name,
			  const int64_t numbers[KEY_MEASURES][KEY_WINDOWS], bool limits)
{
	jsonw_begin_object_member(w, name);
	for (int m = 0; m < KEY_MEASURES; m++) {
		jsonw_begin_object_member(w, key_measure_names[m]);
		for (int i = 0; i < KEY_WINDOWS; i++) {
			jsonw_key(w, key_window_names[i]);
			if (limits && !numbers[m][i])
				jsonw_null(w);
			else
				jsonw_double(w, in_units(m, numbers[m][i]));
		}
		jsonw_end(w);
	}
	jsonw_end(w);
}

const char *ctl_code_machine(const struct code *code)
{
	return !code->one_machine ? "any" : *code->machine ? code->machine : "first to come";
}

/* null: it is no activation code. */
static void write_code(struct jsonw *w, const struct code *code)
{
	jsonw_key(w, "code");
	if (!code->is) {
		jsonw_null(w);
		return;
	}
	jsonw_begin_object(w);
	jsonw_int_member(w, "days", code->days);
	jsonw_date_member(w, "first_used_at", code->first_used_at);
	jsonw_bool_member(w, "one_machine", code->one_machine);
	jsonw_text_member(w, "machine", *code->machine ? code->machine : NULL);
	jsonw_end(w);
}

void ctl_key_write(struct jsonw *w, const struct key *key, const struct quota_view *used)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "name", key->name);
	jsonw_text_member(w, "id", key->id);
	jsonw_text_member(w, "prefix", key->prefix);
	jsonw_text_member(w, "state", ctl_key_state(key));
	jsonw_text_member(w, "role", key_role_names[key->role]);
	jsonw_date_member(w, "added_at", key->added_at);
	jsonw_date_member(w, "expires_at", key->expires_at);
	jsonw_date_member(w, "revoked_at", key->revoked_at);
	jsonw_date_member(w, "ends_at", key->ends_at);
	jsonw_date_member(w, "last_used_at", used->used_at);
	write_list(w, "models", key->models);
	jsonw_text_member(w, "pool", key_pool_names[key->pool]);
	write_list(w, "accounts", key->accounts);
	write_numbers(w, "limits", key->limits, true);
	write_numbers(w, "used", used->used, false);
	jsonw_int_member(w, "max_streams", key->max_streams);
	write_code(w, &key->code);
	jsonw_end(w);
}

/* ---- for people ---- */

static void print_line(const char *name, const char *value)
{
	printf("%-12s ", name);
	ctl_print_clean(stdout, value);
	putchar('\n');
}

static void print_limits(const struct key *key, const struct quota_view *used)
{
	bool any = false;

	for (int m = 0; m < KEY_MEASURES; m++) {
		for (int i = 0; i < KEY_WINDOWS; i++) {
			char date[CLOCK_TEXT_SIZE];

			if (!key->limits[m][i])
				continue;
			any = true;
			printf("%-12s %.15g of %.15g %s per %s used; the next begins at %s\n",
			       "limit", in_units(m, used->used[m][i]),
			       in_units(m, key->limits[m][i]), key_measure_names[m],
			       key_window_names[i], clock_format(used->resets_at[i], date));
		}
	}
	if (!any)
		print_line("limits", "none");
}

void ctl_key_print(const struct key *key, const struct quota_view *used)
{
	char date[CLOCK_TEXT_SIZE], streams[32];

	snprintf(streams, sizeof(streams), "%" PRId64, key->max_streams);
	print_line("name", key->name);
	print_line("id", key->id);
	print_line("key", key->prefix);
	print_line("state", ctl_key_state(key));
	print_line("role", key_role_names[key->role]);
	print_line("added", ctl_date(key->added_at, "unknown", date, sizeof(date)));
	print_line("expires", ctl_date(key->expires_at, "never", date, sizeof(date)));
	if (key->revoked_at)
		print_line("revoked", ctl_date(key->revoked_at, "", date, sizeof(date)));
	if (key->ends_at)
		print_line("ends", ctl_date(key->ends_at, "", date, sizeof(date)));
	print_line("last used", ctl_date(used->used_at, "not known", date, sizeof(date)));
	print_line("models", *key->models ? key->models : "all");
	print_line("pool", key_pool_names[key->pool]);
	print_line("accounts", *key->accounts ? key->accounts : "all");
	print_line("at once", key->max_streams ? streams : "no limit");
	print_limits(key, used);
	if (!key->code.is)
		return;
	snprintf(streams, sizeof(streams), "%" PRId64 " from the first use", key->code.days);
	print_line("days", key->code.days ? streams : "no limit");
	print_line("first used",
		   ctl_date(key->code.first_used_at, "not noted", date, sizeof(date)));
	print_line("machine", ctl_code_machine(&key->code));
}
