#include "base.h"
#include "exchange.h"

const char *exchange_content_type(const struct exchange *x)
{
	return x->rpc ? "application/x-amz-json-1.0" : "application/json";
}

void exchange_answer_text(struct exchange *x, int status, const char *content_type,
			  const char *headers, const char *body)
{
	char *extra = xformat("x-amzn-requestid: %s\r\n%s", x->request_id, headers ? headers : "");

	x->status = status;
	if (x->entry)
		journal_status(&x->app->journal, x->entry, status);
	if (!content_type && body && *body)
		content_type = exchange_content_type(x);
	if (x->close)
		x->request.keep_alive = false;
	http_answer(x->conn, &x->request, status, content_type, extra, body ? body : "",
		    body ? strlen(body) : 0);
	free(extra);
}

void exchange_answer(struct exchange *x, int status, cJSON *body)
{
	char *text = json_text(body);

	exchange_answer_text(x, status, NULL, NULL, text);
	free(text);
	cJSON_Delete(body);
}

/* Header values must not carry what the client wrote; the journal has it in full. */
static void add_header_text(struct text *out, const char *value)
{
	for (; *value; value++) {
		char c = *value >= 0x20 && *value < 0x7f ? *value : '?';

		text_add(out, &c, 1);
	}
	text_add_str(out, "\r\n");
}

static cJSON *error_body(const struct exchange *x, const struct problem *p)
{
	cJSON *body = cJSON_CreateObject(), *field;
	char type[128];

	/* The old service tells the type in the header only, the new one in both places. */
	snprintf(type, sizeof(type), "com.amazon.kiro.runtimeservice#%s", p->type);
	if (x->krs)
		cJSON_AddStringToObject(body, "__type", type);
	cJSON_AddStringToObject(body, "message", p->message);
	if (p->reason)
		cJSON_AddStringToObject(body, "reason", p->reason);
	else
		cJSON_AddNullToObject(body, "reason");
	if (*p->path) {
		field = cJSON_CreateObject();
		cJSON_AddStringToObject(field, "path", p->path);
		cJSON_AddStringToObject(field, "message", p->message);
		cJSON_AddItemToArray(cJSON_AddArrayToObject(body, "fieldList"), field);
	}
	return body;
}

void exchange_refuse(struct exchange *x, const struct problem *p)
{
	struct text headers = { 0 };
	cJSON *body = error_body(x, p);
	char *text = json_text(body);

	if (x->entry)
		journal_refused(&x->app->journal, x->entry, p->detail);
	text_addf(&headers, "x-amzn-errortype: %s%s\r\n", p->type,
		  x->krs ? "" : ":http://internal.amazon.com/coral/");
	text_add_str(&headers, "x-standin-detail: ");
	add_header_text(&headers, p->detail);
	exchange_answer_text(x, p->status, NULL, headers.at, text);
	text_release(&headers);
	free(text);
	cJSON_Delete(body);
}
