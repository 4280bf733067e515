#include "common/base.h"
#include "common/http.h"

#include "common/address.h"
#include "common/clock.h"

#include <curl/curl.h>
#include <dirent.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>

#define KEEP_IDLE_SLOTS 64 /* connections beyond this are closed when they fall idle */

/* An easy and a multi handle; the multi handle owns the kept connection. */
struct slot {
	struct slot *next;
	CURL *easy;
	CURLM *multi;
	char details[CURL_ERROR_SIZE];
};

struct http_client {
	pthread_mutex_t lock; /* guards idle, idle_count and the making of authorities */
	struct slot *idle;    /* last used first: warm connections */
	unsigned idle_count;
	CURLSH *share;
	pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
	X509_STORE *authorities; /* one for all handles: 1 MB and 40 ms a handle otherwise */
	char *ca_file, *proxy_url;
};

/* One exchange in progress. */
struct exchange {
	const struct http_request *request;
	struct http_reply *reply;
	struct error *error;
	CURL *easy;
	int rc; /* a callback's non-zero value, or -1 for our own deadlines */
	int64_t started, last_bytes, tick_at;
	bool watching;
	bool unread; /* on_bytes() was called and on_read() was not yet */
	bool sent;   /* on_sent() was called */
};

static void share_lock(CURL *easy, curl_lock_data data, curl_lock_access access, void *client)
{
	(void)easy;
	(void)access;
	pthread_mutex_lock(&((struct http_client *)client)->share_locks[data]);
}

static void share_unlock(CURL *easy, curl_lock_data data, void *client)
{
	(void)easy;
	pthread_mutex_unlock(&((struct http_client *)client)->share_locks[data]);
}

static CURLSH *share_new(struct http_client *client)
{
	CURLSH *share = curl_share_init();

	if (!share)
		abort();
	/* Connections are not shared: libcurl does not support that between threads. */
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_share_setopt(share, CURLSHOPT_LOCKFUNC, share_lock);
	curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, share_unlock);
	curl_share_setopt(share, CURLSHOPT_USERDATA, client);
	return share;
}

/* Does the directory hold links named by hash ("5ed36f99.0"), which OpenSSL looks up on demand? */
static bool is_hashed(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '.';
	if (dir)
		closedir(dir);
	return found;
}

/* At the first TLS connection: a plain CGI process would pay 40 ms of its start for a bundle. The
 * system's hashed directory costs nothing until a certificate is looked up. */
static X509_STORE *authorities_load(const char *ca_file)
{
	X509_STORE *store = X509_STORE_new();
	int ok;

	if (!store)
		abort();
	if (*ca_file)
		ok = X509_STORE_load_file(store, ca_file);
	else if (is_hashed(X509_get_default_cert_dir()))
		ok = X509_STORE_load_path(store, X509_get_default_cert_dir());
	else
		ok = X509_STORE_set_default_paths(store);
	if (ok)
		return store;
	X509_STORE_free(store);
	return NULL;
}

int http_client_new(struct http_client **out, const struct http_options *options, struct error *e)
{
	const char *ca_file = options->ca_file ? options->ca_file : "";
	struct http_client *client;

	if (*ca_file && access(ca_file, R_OK))
		return error_set(e, ERR_CONFIG, "ca_file %s: %s", ca_file, strerror(errno));
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client = xcalloc(1, sizeof(*client));
	pthread_mutex_init(&client->lock, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(client->share_locks); i++)
		pthread_mutex_init(&client->share_locks[i], NULL);
	client->ca_file = xstrdup(ca_file);
	client->share = share_new(client);
	client->proxy_url = xstrdup(options->proxy_url ? options->proxy_url : "");
	*out = client;
	return 0;
}

static void slot_free(struct slot *slot)
{
	curl_easy_cleanup(slot->easy);
	curl_multi_cleanup(slot->multi);
	free(slot);
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	while (client->idle) {
		struct slot *next = client->idle->next;

		slot_free(client->idle);
		client->idle = next;
	}
	curl_share_cleanup(client->share);
	X509_STORE_free(client->authorities);
	for (size_t i = 0; i < ARRAY_SIZE(client->share_locks); i++)
		pthread_mutex_destroy(&client->share_locks[i]);
	pthread_mutex_destroy(&client->lock);
	free(client->ca_file);
	free(client->proxy_url);
	free(client);
}

static struct slot *slot_take(struct http_client *client)
{
	struct slot *slot;

	pthread_mutex_lock(&client->lock);
	slot = client->idle;
	if (slot) {
		client->idle = slot->next;
		client->idle_count--;
	}
	pthread_mutex_unlock(&client->lock);
	if (slot)
		return slot;
	slot = xcalloc(1, sizeof(*slot));
	slot->easy = curl_easy_init();
	slot->multi = curl_multi_init();
	if (!slot->easy || !slot->multi)
		abort();
	return slot;
}

static void slot_give_back(struct http_client *client, struct slot *slot)
{
	bool keep;

	curl_easy_reset(slot->easy); /* keeps connection, sessions and DNS */
	pthread_mutex_lock(&client->lock);
	keep = client->idle_count < KEEP_IDLE_SLOTS;
	if (keep) {
		slot->next = client->idle;
		client->idle = slot;
		client->idle_count++;
	}
	pthread_mutex_unlock(&client->lock);
	if (!keep)
		slot_free(slot);
}

static CURLcode use_authorities(CURL *easy, void *tls_context, void *client)
{
	struct http_client *c = client;

	(void)easy;
	pthread_mutex_lock(&c->lock);
	if (!c->authorities)
		c->authorities = authorities_load(c->ca_file);
	pthread_mutex_unlock(&c->lock);
	if (!c->authorities)
		return CURLE_SSL_CACERT_BADFILE;
	SSL_CTX_set1_cert_store(tls_context, c->authorities);
	return CURLE_OK;
}

/* True and the trimmed value in out when the line is that header. */
static bool header_is(struct span line, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	if (line.len <= len || line.at[len] != ':' || strncasecmp(line.at, name, len) != 0)
		return false;
	line.at += len + 1;
	line.len -= len + 1;
	while (line.len && strchr(" \t", *line.at)) {
		line.at++;
		line.len--;
	}
	while (line.len && strchr(" \t\r\n", line.at[line.len - 1]))
		line.len--;
	snprintf(out, size, "%.*s", (int)(line.len < size ? line.len : size - 1), line.at);
	return true;
}

static size_t on_header(char *at, size_t size, size_t count, void *context)
{
	struct exchange *x = context;
	struct span line = { at, size * count };
	char value[64];

	if (line.len > 5 && memcmp(at, "HTTP/", 5) == 0) { /* also after a 1xx */
		long status = 0;

		curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
		*x->reply = (struct http_reply){ .status = (int)status };
		x->last_bytes = clock_ticks();
	} else if (header_is(line, "retry-after", value, sizeof(value))) {
		long seconds = strtol(value, NULL, 10); /* a date reads as 0: unknown */

		x->reply->retry_after = seconds > 0 && seconds < 86400 * 366 ? (int)seconds : 0;
	} else if (header_is(line, "date", value, sizeof(value))) {
		time_t date = curl_getdate(value, NULL);

		x->reply->date = date > 0 ? date : 0;
	} else if (!header_is(line, "content-type", x->reply->content_type,
			      sizeof(x->reply->content_type)) &&
		   !header_is(line, "server", x->reply->server, sizeof(x->reply->server)) &&
		   !header_is(line, "x-amzn-requestid", x->reply->request_id,
			      sizeof(x->reply->request_id))) {
		header_is(line, "x-amzn-errortype", x->reply->error_type,
			  sizeof(x->reply->error_type));
	}
	return line.len;
}

static size_t on_body(char *at, size_t size, size_t count, void *context)
{
	struct exchange *x = context;
	struct span bytes = { at, size * count };

	if (!x->rc)
		x->rc = x->request->on_bytes(x->request->context, x->reply, bytes, x->error);
	x->unread = true;
	x->last_bytes = clock_ticks(); /* after: a slow client is not a silent upstream */
	return x->rc ? 0 : bytes.len;
}

/* Not on the stack: a line may be long, and what a stream has touched of it once it keeps. */
static struct curl_slist *header_list(const struct http_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	struct buf line;

	buf_init(&line, LIMIT_RECORD / 4);
	for (size_t i = 0; list && i < request->header_count; i++) {
		const struct http_header *h = &request->headers[i];

		buf_reset(&line);
		buf_add_text(&line, h->name); /* printf() took twice as long */
		buf_add_text(&line, h->value ? ": " : ":");
		buf_add_text(&line, h->value ? h->value : "");
		if (line.failed || strpbrk(line.at, "\r\n")) {
			curl_slist_free_all(list);
			list = NULL;
		} else {
			list = curl_slist_append(list, line.at);
		}
	}
	buf_wipe(&line);
	return list;
}

/* After the name was resolved: a public name may point into this network. */
static curl_socket_t open_public(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
	(void)context;
	(void)purpose;
	if (!address_is_public(&to->addr))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void set_public_only(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_public);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static void set_request(struct http_client *client, CURL *easy, struct exchange *x,
			struct curl_slist *headers)
{
	const struct http_request *r = x->request;

	curl_easy_setopt(easy, CURLOPT_URL, r->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (strcmp(r->method, "GET") != 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.at);
	}
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_SHARE, client->share);
	/* A connection serves one request at a time, and so HTTP/2 only costs: over TLS 350 us of
	 * CPU for a small request instead of 290, 1500 instead of 1200 with a new connection, and
	 * 21 KiB more for a stream. */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, r->once ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, r->compressed ? "" : NULL);
	/* Always set: libcurl would take proxies from the environment, which CGI shares. */
	curl_easy_setopt(easy, CURLOPT_PROXY,
			 !r->proxy			   ? client->proxy_url
			 : strcmp(r->proxy, "direct") == 0 ? ""
							   : r->proxy);
	/* The store replaces the bundle, which would be parsed for each handle. */
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, use_authorities);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, client);
	if (r->public_only)
		set_public_only(easy);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the peer began to think at the latest: there is a connection by then, or libcurl gives up.
 */
static int64_t connected_at(const struct exchange *x)
{
	curl_off_t took = 0; /* us; 0: it is still to come */

	curl_easy_getinfo(x->easy, CURLINFO_PRETRANSFER_TIME_T, &took);
	return x->started + (took ? took / 1000 : x->request->connect_ms);
}

/* Milliseconds until something is due, at least 0; -1 when a deadline has passed (rc set). */
static int until_due(struct exchange *x)
{
	const struct http_request *r = x->request;
	int64_t now = clock_ticks(), due;

	due = x->reply->status ? x->last_bytes + r->idle_ms : connected_at(x) + r->first_byte_ms;
	if (now >= due) {
		error_set(x->error, ERR_UP_TIMEOUT, "the upstream was silent for %d seconds",
			  (x->reply->status ? r->idle_ms : r->first_byte_ms) / 1000);
		return x->rc = -1;
	}
	if (r->total_ms) {
		due = earlier(due, x->started + r->total_ms);
		if (now >= x->started + r->total_ms) {
			error_set(x->error, ERR_UP_TIMEOUT,
				  "the answer took longer than the limit of %d seconds",
				  r->total_ms / 1000);
			return x->rc = -1;
		}
	}
	if (r->on_tick) {
		if (now >= x->tick_at) {
			int next = r->on_tick(r->context, x->error);

			if (next < 0)
				return x->rc = -1;
			x->tick_at = now + next;
		}
		due = earlier(due, x->tick_at);
	}
	return (int)(due > now ? due - now : 0);
}

/* A peer may answer before it has read to the end, and libcurl then goes on sending. */
static void look_if_sent(struct exchange *x)
{
	const struct http_request *r = x->request;
	curl_off_t uploaded = 0;

	if (!r->on_sent || x->sent || !x->reply->status)
		return;
	curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	x->sent = uploaded == (curl_off_t)r->body.len;
	if (x->sent)
		r->on_sent(r->context);
}

static void transfer(CURLM *multi, struct exchange *x)
{
	const struct http_request *r = x->request;
	int running = 0;

	for (;;) {
		struct curl_waitfd watch = { .fd = r->watch_fd, .events = CURL_WAIT_POLLIN };
		int wait_ms;

		CURLMcode code = curl_multi_perform(multi, &running);

		if (x->unread && !x->rc && r->on_read)
			x->rc = r->on_read(r->context, x->error);
		x->unread = false;
		if (code || !running || x->rc)
			return;
		look_if_sent(x);
		wait_ms = until_due(x);
		if (wait_ms < 0)
			return;
		curl_multi_poll(multi, &watch, x->watching ? 1 : 0, wait_ms, NULL);
		if (x->watching && watch.revents) {
			int seen = r->on_watch(r->context, x->error);

			if (seen < 0) {
				x->rc = -1;
				return;
			}
			x->watching = seen > 0;
		}
	}
}

static CURLcode result_of(CURLM *multi)
{
	int left;
	CURLMsg *message = curl_multi_info_read(multi, &left);

	return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_SEND_ERROR;
}

static int judge(const struct exchange *x, CURLcode code, const struct slot *slot)
{
	const char *text = *slot->details ? slot->details : curl_easy_strerror(code);

	if (x->rc)
		return x->rc;
	if (code == CURLE_OK)
		return 0;
	return error_set(x->error, ERR_UP_NETWORK, "%s: %s",
			 x->reply->status ? "the upstream's answer broke off"
					  : "the upstream cannot be reached",
			 text);
}

static void take_times(CURL *easy, struct http_reply *reply)
{
	curl_off_t connected = 0, secured = 0, first = 0;

	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &secured); /* 0 without TLS */
	curl_easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
	reply->connect_us = secured > connected ? secured : connected;
	reply->first_byte_us = first;
}

int http_run(struct http_client *client, const struct http_request *request,
	     struct http_reply *reply, struct error *e)
{
	struct curl_slist *headers = header_list(request);
	struct exchange x = { .request = request, .reply = reply, .error = e };
	struct slot *slot;
	CURLcode code;
	int rc;

	*reply = (struct http_reply){ 0 };
	if (!headers)
		return error_set(e, ERR_INTERNAL, "a request header is too long or has a line end");
	slot = slot_take(client);
	x.easy = slot->easy;
	x.started = x.tick_at = clock_ticks();
	x.watching = request->on_watch && request->watch_fd >= 0;
	set_request(client, slot->easy, &x, headers);
	slot->details[0] = '\0';
	curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->details);

	curl_multi_add_handle(slot->multi, slot->easy);
	transfer(slot->multi, &x);
	code = result_of(slot->multi);
	take_times(slot->easy, reply);
	curl_multi_remove_handle(slot->multi, slot->easy); /* closes it when still running */
	rc = judge(&x, code, slot);

	slot_give_back(client, slot);
	curl_slist_free_all(headers);
	return rc;
}

struct collecting {
	struct buf *body;
	const struct http_request *asked;
};

static int collect(void *context, const struct http_reply *reply, struct span bytes,
		   struct error *e)
{
	const struct collecting *c = context;

	(void)reply;
	if (buf_add(c->body, bytes.at, bytes.len))
		return error_set(e, ERR_UP_DAMAGED, "the upstream's reply is too long");
	return 0;
}

static int watch_while_collecting(void *context, struct error *e)
{
	const struct http_request *asked = ((const struct collecting *)context)->asked;

	return asked->on_watch(asked->context, e);
}

int http_fetch(struct http_client *client, const struct http_request *request,
	       struct http_reply *reply, struct buf *body, struct error *e)
{
	struct collecting c = { body, request };
	struct http_request r = *request;

	r.on_bytes = collect;
	r.context = &c;
	r.on_tick = NULL;
	r.on_read = NULL;
	r.on_watch = request->on_watch ? watch_while_collecting : NULL;
	return http_run(client, &r, reply, e);
}
