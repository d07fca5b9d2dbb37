// Refuses long messages, and keeps how many words each client has sent.
#include <stdlib.h>
#include <string.h>

#include "../bindings/word_count.h"
#include "json.h"

typedef word_count_string_t text_t;
typedef exports_hookd_engine_functions_failure_t failure_t;

static const size_t MAX_WORDS = 200;
static const char COUNTS[] = "words";

static const char *const NAMES[] = {"_messageReceived", "_messageSent", "wordCount"};
enum { NAME_COUNT = sizeof NAMES / sizeof *NAMES };

static bool equals(const text_t *text, const char *other) {
  return text->len == strlen(other) && memcmp(text->ptr, other, text->len) == 0;
}

static size_t words_in(const char *text, size_t length) {
  size_t words = 0;
  bool in_word = false;
  for (size_t i = 0; i < length; i++) {
    bool is_blank = text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r';
    if (!is_blank && !in_word) words++;
    in_word = !is_blank;
  }
  return words;
}

// Of a rich message, which is JSON itself, the text that its readers see.
static size_t words_of_message(const text_t *params) {
  char *content;
  size_t length;
  if (!json_text_member((const char *)params->ptr, params->len, "content", &content, &length)) return 0;
  char *seen;
  size_t seen_length;
  size_t words;
  if (json_text_member(content, length, "_lctext", &seen, &seen_length)) {
    words = words_in(seen, seen_length);
    free(seen);
  } else {
    words = words_in(content, length);
  }
  free(content);
  return words;
}

// Writes `number` before `end`; answers where it begins. Twenty digits are enough.
static char *number_before(char *end, uint64_t number) {
  do {
    *--end = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return end;
}

static void say(const char *message) {
  text_t context, text;
  word_count_string_set(&context, "word-count");
  word_count_string_set(&text, message);
  wasi_logging_logging_log(WASI_LOGGING_LOGGING_LEVEL_INFO, &context, &text);
}

static bool refuse(failure_t *failure, uint16_t status, const char *message) {
  failure->code = 1;
  failure->status = status;
  word_count_string_dup(&failure->message, message);
  return false;
}

static word_count_list_u8_t word_of(const char *text, size_t length) {
  return (word_count_list_u8_t){(uint8_t *)text, length};
}

// One command of LeanCache. False with a failure when it was not carried out; `reply` is to be freed otherwise.
static bool ask_leancache(word_count_list_u8_t *words, size_t count, hookd_engine_leancache_list_part_t *reply, failure_t *failure) {
  word_count_list_list_u8_t command = {words, count};
  hookd_engine_leancache_failure_t why;
  if (hookd_engine_leancache_execute(&command, reply, &why)) return true;
  hookd_engine_leancache_failure_free(&why);
  return refuse(failure, 503, "LeanCache did not answer");
}

static bool message_received(const text_t *params, text_t *reply) {
  if (words_of_message(params) > MAX_WORDS) {
    say("refused a long message");
    word_count_string_dup(reply, "{\"drop\":true,\"code\":9100,\"detail\":\"at most 200 words\"}");
  } else {
    // Nothing returned: the message passes as it is.
    word_count_string_dup(reply, "");
  }
  return true;
}

static bool message_sent(const text_t *params, text_t *reply, failure_t *failure) {
  char *peer;
  size_t peer_length;
  if (!json_text_member((const char *)params->ptr, params->len, "fromPeer", &peer, &peer_length)) {
    return refuse(failure, 400, "`fromPeer` is missing");
  }
  char digits[20];
  char *number = number_before(digits + sizeof digits, words_of_message(params));
  word_count_list_u8_t command[] = {
    word_of("HINCRBY", 7),
    word_of(COUNTS, strlen(COUNTS)),
    word_of(peer, peer_length),
    word_of(number, (size_t)(digits + sizeof digits - number)),
  };
  hookd_engine_leancache_list_part_t parts;
  bool is_kept = ask_leancache(command, 4, &parts, failure);
  free(peer);
  if (!is_kept) return false;
  hookd_engine_leancache_list_part_free(&parts);
  word_count_string_dup(reply, "");
  return true;
}

static bool word_count(const text_t *params, text_t *reply, failure_t *failure) {
  char *peer;
  size_t peer_length;
  if (!json_text_member((const char *)params->ptr, params->len, "peer", &peer, &peer_length)) {
    return refuse(failure, 400, "`peer` must be a client id");
  }
  word_count_list_u8_t command[] = {word_of("HGET", 4), word_of(COUNTS, strlen(COUNTS)), word_of(peer, peer_length)};
  hookd_engine_leancache_list_part_t parts;
  bool is_answered = ask_leancache(command, 3, &parts, failure);
  free(peer);
  if (!is_answered) return false;
  // Only HINCRBY writes there, so a value is a number.
  if (parts.len == 1 && parts.ptr[0].tag == HOOKD_ENGINE_LEANCACHE_PART_BULK) {
    word_count_string_dup_n(reply, (const char *)parts.ptr[0].val.bulk.ptr, parts.ptr[0].val.bulk.len);
  } else {
    word_count_string_dup(reply, "0");
  }
  hookd_engine_leancache_list_part_free(&parts);
  return true;
}

void exports_hookd_engine_functions_definitions(exports_hookd_engine_functions_list_definition_t *definitions) {
  definitions->ptr = calloc(NAME_COUNT, sizeof *definitions->ptr);
  definitions->len = definitions->ptr == NULL ? 0 : NAME_COUNT;
  for (size_t i = 0; i < definitions->len; i++) word_count_string_dup(&definitions->ptr[i].name, NAMES[i]);
}

// What comes in belongs to this function; what goes out is freed by the bindings.
bool exports_hookd_engine_functions_call(text_t *name, text_t *params, exports_hookd_engine_functions_context_t *context,
                                         text_t *reply, failure_t *failure) {
  bool is_done;
  if (equals(name, NAMES[0])) {
    is_done = message_received(params, reply);
  } else if (equals(name, NAMES[1])) {
    is_done = message_sent(params, reply, failure);
  } else if (equals(name, NAMES[2])) {
    is_done = word_count(params, reply, failure);
  } else {
    is_done = refuse(failure, 404, "no such function");
  }
  word_count_string_free(name);
  word_count_string_free(params);
  exports_hookd_engine_functions_context_free(context);
  return is_done;
}
