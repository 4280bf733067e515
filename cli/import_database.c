/*
 * kiro-cli's data.sqlite3 (Linux: ~/.local/share/kiro-cli, macOS: ~/Library/Application
 * Support/kiro-cli):
 *
 *   auth_kv(key, value)   the rows of tokens[], values are JSON in snake_case
 *   state(key, value)     "api.codewhisperer.profile": {"arn", "profile_name"}
 *
 * It is opened read-only and as immutable: no lock is taken, and no file appears beside it. That is
 * only true to what kiro-cli wrote while there is no journal beside it.
 */
#include "common/base.h"
#include "cli/import_database.h"

#include "common/json.h"
#include "common/limits.h"

#include <ctype.h>
#include <sqlite3.h>

#define FORMAT	    "kiro-cli database"
#define PROFILE_KEY "api.codewhisperer.profile"
#define READ_TOKEN  "SELECT value FROM auth_kv WHERE key = ?1"
#define READ_STATE  "SELECT value FROM state WHERE key = ?1"

static const struct {
	const char *key, *method, *registration;
} tokens[] = {
	{ "kirocli:social:token", "social", NULL },
	{ "kirocli:odic:token", "idc", "kirocli:odic:device-registration" },
	{ "kirocli:external-idp:token", "external_idp", NULL },
	{ "codewhisperer:odic:token", "idc", "codewhisperer:odic:device-registration" },
};

/* The program is at work, or was killed: what it wrote last stands in a journal. */
static int check_journals(const char *source, const char *path, struct error *e)
{
	static const char *const ends[] = { "-wal", "-journal" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		char name[LIMIT_URL];
		struct stat st;

		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		if (stat(name, &st) == 0 && st.st_size)
			return error_set(e, ERR_REQUEST,
					 "%s: kiro-cli has not finished writing it (%s%s): end "
					 "kiro-cli, or run kiro-cli whoami once, and try again",
					 source, source, ends[i]);
	}
	return 0;
}

static int open_database(const char *path, sqlite3 **db)
{
	struct buf uri;
	int rc;

	buf_init(&uri, 4 * LIMIT_URL);
	buf_add_text(&uri, "file:");
	for (; *path; path++)
		buf_add_format(&uri,
			       isalnum((unsigned char)*path) || strchr("/._-", *path) ? "%c"
										      : "%%%02X",
			       (unsigned char)*path);
	buf_add_text(&uri, "?mode=ro&immutable=1");
	rc = sqlite3_open_v2(uri.at, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
	buf_release(&uri);
	return rc;
}

/* 1: *tree is the value of that key; 0: there is none, or no such table; -1. */
static int read_value(sqlite3 *db, const char *source, const char *query, const char *key,
		      cJSON **tree, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	sqlite3_stmt *statement = NULL;
	struct span text;
	int rc = sqlite3_prepare_v2(db, query, -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		text.at = (const char *)sqlite3_column_blob(statement, 0);
		text.len = (size_t)sqlite3_column_bytes(statement, 0);
		*tree = text.at && text.len <= LIMIT_RECORD ? json_parse(text, &why) : NULL;
	}
	sqlite3_finalize(statement);
	if (rc == SQLITE_ROW && !*tree)
		return error_set(e, ERR_REQUEST, "%s: the value of %s is no JSON", source, key);
	/* SQLITE_ERROR: no such table */
	if (rc == SQLITE_ROW || rc == SQLITE_DONE || rc == SQLITE_ERROR)
		return rc == SQLITE_ROW;
	return error_set(e, ERR_REQUEST, "%s: cannot be read: %s", source, sqlite3_errstr(rc));
}

static void take_text(cJSON *to, const char *name, const char *text)
{
	if (text && !json_member(to, name)) {
		cJSON_DeleteItemFromObject(to, name);
		cJSON_AddStringToObject(to, name, text);
	}
}

/* The client of an OIDC login stands in a row of its own. */
static int add_registration(sqlite3 *db, const char *source, const char *key, cJSON *token,
			    struct error *e)
{
	cJSON *client = NULL;
	int rc = read_value(db, source, READ_TOKEN, key, &client, e);

	if (rc > 0) {
		take_text(token, "client_id", json_text_or(client, "client_id", NULL));
		take_text(token, "client_secret", json_text_or(client, "client_secret", NULL));
		take_text(token, "region", json_text_or(client, "region", NULL));
		take_text(token, "client_secret_expires_at",
			  json_text_or(client, "client_secret_expires_at", NULL));
		import_wipe(client);
	}
	cJSON_Delete(client);
	return rc < 0 ? -1 : 0;
}

/* A login without a start URL is a Builder ID, which has no profile. */
static int complete(sqlite3 *db, const char *source, size_t row, cJSON *token, struct error *e)
{
	const char *url = json_text_or(token, "start_url", NULL);
	bool oidc = tokens[row].registration != NULL;
	bool builder_id = oidc && (!url || strstr(url, "//view.awsapps.com/"));
	cJSON *profile = NULL;
	int rc = 0;

	take_text(token, "auth_method", tokens[row].method);
	if (oidc && add_registration(db, source, tokens[row].registration, token, e))
		return -1;
	if (builder_id)
		take_text(token, "provider", "BuilderId");
	else
		rc = read_value(db, source, READ_STATE, PROFILE_KEY, &profile, e);
	if (rc > 0 && strcmp(tokens[row].method, "social") != 0)
		take_text(token, "profile_arn", json_text_or(profile, "arn", NULL));
	cJSON_Delete(profile);
	return rc < 0 ? -1 : 0;
}

static int read_tokens(struct import *i, const char *source, sqlite3 *db, struct error *e)
{
	size_t found = 0;

	for (size_t row = 0; row < ARRAY_SIZE(tokens); row++) {
		cJSON *token = NULL;
		int rc = read_value(db, source, READ_TOKEN, tokens[row].key, &token, e);

		if (rc > 0)
			rc = cJSON_IsObject(token) ? complete(db, source, row, token, e) : 0;
		if (!rc && token)
			import_add(i, source, FORMAT, ++found, token);
		if (token)
			import_wipe(token);
		cJSON_Delete(token);
		if (rc < 0)
			return -1;
	}
	if (!found)
		return error_set(e, ERR_REQUEST,
				 "%s: holds no login of kiro-cli (log in with kiro-cli first, or "
				 "use kiroctl login builder-id)",
				 source);
	return 0;
}

int import_database(struct import *i, const char *source, const char *path, struct error *e)
{
	sqlite3 *db = NULL;
	int rc;

	if (check_journals(source, path, e))
		return -1;
	rc = open_database(path, &db);
	if (rc == SQLITE_OK)
		rc = read_tokens(i, source, db, e);
	else
		rc = error_set(e, ERR_REQUEST, "%s: cannot be read: %s", source,
			       sqlite3_errstr(rc));
	sqlite3_close(db);
	return rc;
}
