#include "common/base.h"
#include "fcgi/up_documents.h"

#include "common/limits.h"

#define LEFT_OUT "[document %s left out: only the latest %d documents are sent]"

static const struct block *find(const struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct block *inside = find(blocks[i].blocks, blocks[i].block_count);

		if (blocks[i].kind == BLOCK_DOCUMENT)
			return &blocks[i];
		if (inside)
			return inside;
	}
	return NULL;
}

int up_documents_check(const struct chat *chat, bool taken, struct error *e)
{
	const struct block *document = NULL;

	if (taken || !chat->document_count)
		return 0;
	for (size_t i = 0; !document && i < chat->message_count; i++)
		document = find(chat->messages[i].blocks, chat->messages[i].block_count);
	if (!document)
		return 0;
	return error_field(e, document->path,
			   "this service does not support PDF input or other documents");
}

bool up_documents_is_sent(const struct chat *chat, const struct block *document)
{
	return document->number + LIMIT_DOCUMENTS > chat->document_count;
}

void up_documents_label(const struct chat *chat, const struct block *document, struct arena *arena,
			struct span *label)
{
	const char *text;

	if (!up_documents_is_sent(chat, document))
		text = arena_format(arena, LEFT_OUT, document->name, LIMIT_DOCUMENTS);
	else if (document->context)
		text = arena_format(arena, "[document %s attached: %s]", document->name,
				    document->context);
	else
		text = arena_format(arena, "[document %s attached]", document->name);
	*label = span_of(text);
}

static void write_document(struct jsonw *w, const struct block *document)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "name", document->name);
	jsonw_text_member(w, "format", document->format);
	jsonw_begin_object_member(w, "source");
	jsonw_key(w, "bytes");
	/* base64 was checked: nothing to escape */
	jsonw_begin_text(w);
	buf_add(w->out, document->text.at, document->text.len);
	jsonw_end_text(w);
	jsonw_end(w);
	jsonw_end(w);
}

/* The array begins with its first document. */
static void write_blocks(struct jsonw *w, const struct chat *chat, const struct block *blocks,
			 size_t count, bool *begun)
{
	for (size_t i = 0; i < count; i++) {
		write_blocks(w, chat, blocks[i].blocks, blocks[i].block_count, begun);
		if (blocks[i].kind != BLOCK_DOCUMENT || !up_documents_is_sent(chat, &blocks[i]))
			continue;
		if (!*begun)
			jsonw_begin_array_member(w, "documents");
		*begun = true;
		write_document(w, &blocks[i]);
	}
}

void up_documents_write(struct jsonw *w, const struct chat *chat, const struct up_turns *turns,
			const struct up_turn *turn)
{
	bool begun = false;

	if (!chat->document_count)
		return;
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct block *result = turns->calls[turn->call_first + i].result;

		if (result)
			write_blocks(w, chat, result, 1, &begun);
	}
	for (size_t i = 0; i < turn->block_count; i++)
		write_blocks(w, chat, turns->blocks[turn->block_first + i], 1, &begun);
	if (begun)
		jsonw_end(w);
}
