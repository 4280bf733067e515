#include "common/base.h"
#include "fcgi/fetch.h"

#include "common/http.h"
#include "common/limits.h"
#include "common/list.h"
#include "common/log.h"
#include "fcgi/picture.h"

#include <openssl/evp.h>

#define FETCH_MS   10000
#define CONNECT_MS 5000

/* Walks over the images that have a URL. */
struct walk {
	int (*visit)(struct walk *w, struct block *image);
	const struct config *config;
	struct site *site;
	struct arena *arena;
	struct error *e;
	size_t count;
};

static int walk_blocks(struct walk *w, struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct block *b = &blocks[i];

		if ((b->kind == BLOCK_IMAGE && b->url && w->visit(w, b)) ||
		    walk_blocks(w, b->blocks, b->block_count))
			return -1;
	}
	return 0;
}

static int walk_chat(struct walk *w, const struct chat *chat)
{
	for (size_t i = 0; i < chat->message_count; i++) {
		if (walk_blocks(w, chat->messages[i].blocks, chat->messages[i].block_count))
			return -1;
	}
	return 0;
}

static int check_image(struct walk *w, struct block *image)
{
	char host[256];

	if (!*w->config->fetch_allow)
		return error_field(w->e, image->path, "URL images are not supported, send base64");
	if (!http_https_host(image->url, host, sizeof(host)))
		return error_field(w->e, image->path,
				   "Only HTTPS URLs are supported for images, without a user name");
	if (!list_names(w->config->fetch_allow, host))
		return error_field(w->e, image->path,
				   "URL images are not supported from %.100s, send base64", host);
	if (++w->count > LIMIT_IMAGES)
		return error_field(w->e, image->path, "at most %d images by URL are fetched",
				   LIMIT_IMAGES);
	return 0;
}

static int download(struct walk *w, const struct block *image, struct buf *body)
{
	struct http_request request = {
		.method = "GET",
		.url = image->url,
		.connect_ms = CONNECT_MS,
		.first_byte_ms = FETCH_MS,
		.idle_ms = FETCH_MS,
		.total_ms = FETCH_MS,
		.proxy = "direct",
		.once = true,
		.public_only = !w->config->fetch_private,
		.watch_fd = -1,
	};
	struct error why = { .kind = ERR_NONE };
	struct http_reply reply;

	if (!http_fetch(w->site->http, &request, &reply, body, &why)) {
		if (reply.status == 200)
			return 0;
		return error_field(w->e, image->path,
				   "Unable to download the file: its host answered with status %d",
				   reply.status);
	}
	log_line(LOG_INFO, "%s not fetched: %s", image->path, why.message);
	if (why.kind == ERR_UP_DAMAGED)
		return error_field(w->e, image->path, "image exceeds 5 MB maximum");
	if (why.kind == ERR_UP_TIMEOUT)
		return error_field(w->e, image->path,
				   "Unable to download the file: it took longer than %d seconds",
				   FETCH_MS / 1000);
	return error_field(w->e, image->path,
			   "Unable to download the file: its host cannot be reached");
}

static int take_image(struct walk *w, struct block *image, const struct buf *body)
{
	char *text = arena_alloc(w->arena, (body->len + 2) / 3 * 4 + 1);
	struct picture p;

	EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)body->at, (int)body->len);
	image->text = span_of(text);
	p = picture_read(image->text);
	image->format = p.format;
	if (!p.format)
		return error_field(w->e, image->path,
				   "Could not process image: neither PNG, JPEG, GIF nor WebP");
	if (p.width > LIMIT_IMAGE_SIDE || p.height > LIMIT_IMAGE_SIDE)
		return error_field(w->e, image->path,
				   "image exceeds the limit: at least one of the image dimensions "
				   "exceed max allowed size: %d pixels (%u x %u)",
				   LIMIT_IMAGE_SIDE, p.width, p.height);
	return 0;
}

static int fetch_image(struct walk *w, struct block *image)
{
	struct buf body;
	int rc;

	buf_init(&body, LIMIT_IMAGE);
	rc = download(w, image, &body);
	if (!rc)
		rc = take_image(w, image, &body);
	buf_release(&body);
	return rc;
}

int fetch_check(const struct config *config, const struct chat *chat, struct error *e)
{
	struct walk w = { .visit = check_image, .config = config, .e = e };

	return walk_chat(&w, chat);
}

int fetch_images(struct site *site, struct arena *arena, struct chat *chat, struct error *e)
{
	struct walk w = {
		.visit = fetch_image, .config = site->config, .site = site, .arena = arena, .e = e
	};

	return fetch_check(site->config, chat, e) ? -1 : walk_chat(&w, chat);
}
