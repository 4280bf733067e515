/*
 * The panel's files. They are the same for everybody and hold nothing of this installation.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "common/hex.h"
#include "fcgi/admin.h"
#include "fcgi/panel.h"

#include <openssl/evp.h>

#define TAG_SIZE 40

static const struct panel_file *find(const char *name)
{
	for (const struct panel_file *f = panel_files; f->name; f++) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

static bool takes_gzip(struct request *r)
{
	const char *at = request_header(r, "HTTP_ACCEPT_ENCODING");

	at = at ? strstr(at, "gzip") : NULL;
	return at && strncmp(at + 4, ";q=0", 4) != 0;
}

static struct span bytes_of(const struct panel_file *f, bool gzip)
{
	const char *at = gzip ? f->gzip : f->at, *end = gzip ? f->gzip_end : f->end;

	return (struct span){ at, (size_t)(end - at) };
}

static void tag_of(struct span bytes, char out[static TAG_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!EVP_Digest(bytes.at, bytes.len, digest, &len, EVP_sha256(), NULL))
		abort();
	out[0] = '"';
	hex_write(digest, 16, out + 1);
	out[33] = '"';
	out[34] = '\0';
}

static int send_file(struct request *r, const struct panel_file *f)
{
	const char *known = request_header(r, "HTTP_IF_NONE_MATCH");
	bool gzip = takes_gzip(r);
	struct span bytes = bytes_of(f, gzip);
	char tag[TAG_SIZE];

	tag_of(bytes, tag);
	r->response.may_keep = true;
	admin_header(r, "etag: %s\r\nvary: accept-encoding", tag);
	if (known && strstr(known, tag))
		return response_empty(&r->response, 304, NULL);
	if (gzip)
		admin_header(r, "content-encoding: gzip");
	return response_whole(&r->response, 200, f->type, bytes);
}

/* Relative addresses in the page want the slash behind "admin". */
static int redirect(struct request *r)
{
	const char *mount = admin_mount(r), *slash = strrchr(mount, '/');

	admin_header(r, "location: %s/", slash ? slash + 1 : "admin");
	return response_empty(&r->response, 308, NULL);
}

int api_panel(struct request *r)
{
	const char *name = r->rest && *r->rest ? r->rest : "index.html";
	const struct panel_file *f = find(name);
	size_t len = strlen(r->path);

	if (len && r->path[len - 1] != '/' && !(r->rest && *r->rest))
		return redirect(r);
	if (!f || strcmp(name, "admin.json") == 0)
		return error_set(&r->error, ERR_NOT_FOUND, "no such path: %.200s", r->path);
	return send_file(r, f);
}

int api_panel_openapi(struct request *r)
{
	return send_file(r, find("admin.json"));
}
