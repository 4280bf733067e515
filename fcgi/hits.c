#include "common/base.h"
#include "fcgi/hits.h"

#include "common/json.h"
#include "common/limits.h"
#include "common/utf8.h"
#include "fcgi/base64.h"

#include <openssl/evp.h>

#define MARK	 "kiro-fcgi:"
#define NO_HITS	 "The search found nothing."
#define MAX_TEXT KB(64) /* of all hits of a search, for the model */

bool hits_add(struct hits *h, const struct hit *hit)
{
	if (h->count == HITS_MAX || !hit->url[0])
		return false;
	h->items[h->count++] = *hit;
	return true;
}

/* "https://user@host:port/path" without scheme, user and port. */
static void split_url(const char *url, struct span *host, const char **path)
{
	const char *at = strstr(url, "://"), *user;
	size_t len;

	at = at ? at + 3 : url;
	len = strcspn(at, "/?#");
	user = memchr(at, '@', len);
	if (user) {
		len -= (size_t)(user + 1 - at);
		at = user + 1;
	}
	*path = at + len;
	*host = (struct span){ at, strcspn(at, ":/?#") };
}

/* A * stands for anything. */
static bool is_below(const char *path, const char *wanted)
{
	size_t len = strcspn(wanted, "*");

	if (!*path)
		path = "/";
	if (strncmp(path, wanted, len) != 0)
		return false;
	return !wanted[len] || strstr(path + len, wanted + len + 1);
}

static bool in_domain(const char *url, const char *domain)
{
	struct span host, wanted;
	const char *path, *wanted_path;
	size_t from;

	split_url(url, &host, &path);
	split_url(domain, &wanted, &wanted_path);
	if (!wanted.len || host.len < wanted.len)
		return false;
	from = host.len - wanted.len;
	if (strncasecmp(host.at + from, wanted.at, wanted.len) != 0 ||
	    (from && host.at[from - 1] != '.'))
		return false;
	return is_below(path, wanted_path);
}

bool hits_is_domain(const char *domain)
{
	struct span host;
	const char *path, *star;

	split_url(domain, &host, &path);
	star = strchr(path, '*');
	return !memchr(host.at, '*', host.len) && (!star || !strchr(star + 1, '*'));
}

void hits_filter(struct hits *h, const char *const *domains, size_t count, bool keep)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->count; i++) {
		bool listed = false;

		for (size_t k = 0; k < count && !listed; k++)
			listed = in_domain(h->items[i].url, domains[k]);
		if (listed == keep)
			h->items[kept++] = h->items[i];
	}
	h->count = kept;
}

static const char *wrap(const char *snippet, struct arena *arena)
{
	const char *text = arena_format(arena, MARK "%s", snippet);
	size_t len = strlen(text);
	char *out = arena_alloc(arena, 4 * ((len + 2) / 3) + 1);

	EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);
	return out;
}

/* "" when it is not ours: another server's is of no use to us. */
static const char *unwrap(const char *wrapped, struct arena *arena)
{
	struct span text;

	if (strlen(wrapped) > MAX_TEXT || !base64_decode(span_of(wrapped), arena, &text) ||
	    strncmp(text.at, MARK, strlen(MARK)) != 0 || utf8_valid_prefix(text) != text.len ||
	    strlen(text.at) != text.len)
		return "";
	return text.at + strlen(MARK);
}

void hits_write(const struct hits *h, struct arena *arena, struct jsonw *w)
{
	jsonw_begin_array(w);
	for (size_t i = 0; i < h->count; i++) {
		const struct hit *hit = &h->items[i];

		jsonw_begin_object(w);
		jsonw_text_member(w, "type", "web_search_result");
		jsonw_text_member(w, "url", hit->url);
		jsonw_text_member(w, "title", hit->title);
		jsonw_text_member(w, "encrypted_content", wrap(hit->snippet, arena));
		jsonw_text_member(w, "page_age", *hit->age ? hit->age : NULL);
		jsonw_end(w);
	}
	jsonw_end(w);
}

void hits_read(struct hits *h, const cJSON *content, struct arena *arena)
{
	const cJSON *item;

	h->count = 0;
	cJSON_ArrayForEach (item, content) {
		const struct hit hit = {
			.title = json_text_or(item, "title", ""),
			.url = json_text_or(item, "url", ""),
			.snippet = unwrap(json_text_or(item, "encrypted_content", ""), arena),
			.age = json_text_or(item, "page_age", ""),
		};

		hits_add(h, &hit);
	}
}

struct span hits_text(const struct hits *h, struct arena *arena)
{
	struct buf text;
	struct span out;

	if (!h->count)
		return span_of(NO_HITS);
	buf_init(&text, MAX_TEXT);
	for (size_t i = 0; i < h->count; i++) {
		const struct hit *hit = &h->items[i];

		if (buf_add_format(&text, "%s%zu. %s\n%s%s%s%s%s", i ? "\n\n" : "", i + 1,
				   hit->title, hit->url, *hit->age ? "\n" : "", hit->age,
				   *hit->snippet ? "\n" : "", hit->snippet))
			break; /* what fits must do */
	}
	out = (struct span){ arena_strndup(arena, text.at, text.len), text.len };
	buf_release(&text);
	return out;
}
