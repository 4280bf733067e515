#include "common/base.h"
#include "fcgi/dialect.h"

const struct dialect dialect_anthropic = { "anthropic", in_anthropic, &out_anthropic };
const struct dialect dialect_openai = { "openai", in_openai, &out_openai };
const struct dialect dialect_responses = { "responses", in_responses, &out_responses };
const struct dialect dialect_admin = { "admin", NULL, &out_admin };
