#include "json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *next;
  const char *end;
} reader_t;

static bool is_blank(char letter) { return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r'; }

static void skip_blanks(reader_t *reader) {
  while (reader->next < reader->end && is_blank(*reader->next)) reader->next++;
}

// True when the next letter that is no blank is `letter`, which is then behind.
static bool take(reader_t *reader, char letter) {
  skip_blanks(reader);
  if (reader->next == reader->end || *reader->next != letter) return false;
  reader->next++;
  return true;
}

// Goes behind a text; what is between its quotes is put into `inside`, as it is written.
static bool take_text(reader_t *reader, reader_t *inside) {
  if (!take(reader, '"')) return false;
  inside->next = reader->next;
  while (reader->next < reader->end && *reader->next != '"') {
    if (*reader->next == '\\' && reader->next + 1 < reader->end) reader->next++;
    reader->next++;
  }
  inside->end = reader->next;
  return take(reader, '"');
}

// Goes behind a value of any kind. Counts brackets instead of calling itself: a guest has little stack.
static bool skip_value(reader_t *reader) {
  size_t depth = 0;
  do {
    skip_blanks(reader);
    if (reader->next == reader->end) return false;
    reader_t inside;
    switch (*reader->next) {
    case '"':
      if (!take_text(reader, &inside)) return false;
      break;
    case '{': case '[':
      depth++;
      reader->next++;
      break;
    case '}': case ']':
      if (depth == 0) return false;
      depth--;
      reader->next++;
      break;
    case ',': case ':':
      if (depth == 0) return false;
      reader->next++;
      break;
    default:
      // A number or a name. It has at least this letter, whatever that is.
      do reader->next++;
      while (reader->next < reader->end && !is_blank(*reader->next) && !strchr(",:]}[{\"", *reader->next));
    }
  } while (depth > 0);
  return true;
}

static int hex_digit(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
  if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
  return -1;
}

static bool take_unit(reader_t *inside, uint32_t *unit) {
  if (inside->end - inside->next < 4) return false;
  *unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*inside->next++);
    if (digit < 0) return false;
    *unit = *unit << 4 | (uint32_t)digit;
  }
  return true;
}

// The letter after `\u`, which two units may write.
static bool take_letter(reader_t *inside, uint32_t *letter) {
  if (!take_unit(inside, letter)) return false;
  bool is_first_half = *letter >= 0xD800 && *letter < 0xDC00;
  if (is_first_half && inside->end - inside->next >= 6 && inside->next[0] == '\\' && inside->next[1] == 'u') {
    reader_t ahead = {inside->next + 2, inside->end};
    uint32_t second;
    if (take_unit(&ahead, &second) && second >= 0xDC00 && second < 0xE000) {
      *letter = 0x10000 + ((*letter - 0xD800) << 10) + (second - 0xDC00);
      inside->next = ahead.next;
    }
  }
  // Half a pair is no letter.
  if (*letter >= 0xD800 && *letter < 0xE000) *letter = 0xFFFD;
  return true;
}

static char *put_utf8(char *to, uint32_t letter) {
  if (letter < 0x80) {
    *to++ = (char)letter;
  } else if (letter < 0x800) {
    *to++ = (char)(0xC0 | letter >> 6);
    *to++ = (char)(0x80 | (letter & 0x3F));
  } else if (letter < 0x10000) {
    *to++ = (char)(0xE0 | letter >> 12);
    *to++ = (char)(0x80 | (letter >> 6 & 0x3F));
    *to++ = (char)(0x80 | (letter & 0x3F));
  } else {
    *to++ = (char)(0xF0 | letter >> 18);
    *to++ = (char)(0x80 | (letter >> 12 & 0x3F));
    *to++ = (char)(0x80 | (letter >> 6 & 0x3F));
    *to++ = (char)(0x80 | (letter & 0x3F));
  }
  return to;
}

// A decoded text is never longer than what writes it.
static bool decode(reader_t inside, char **value, size_t *length) {
  char *to = malloc((size_t)(inside.end - inside.next) + 1);
  if (to == NULL) return false;
  *value = to;
  while (inside.next < inside.end) {
    char letter = *inside.next++;
    if (letter != '\\' || inside.next == inside.end) {
      *to++ = letter;
      continue;
    }
    letter = *inside.next++;
    uint32_t coded;
    switch (letter) {
    case 'b': *to++ = '\b'; break;
    case 'f': *to++ = '\f'; break;
    case 'n': *to++ = '\n'; break;
    case 'r': *to++ = '\r'; break;
    case 't': *to++ = '\t'; break;
    case 'u':
      if (!take_letter(&inside, &coded)) {
        free(*value);
        return false;
      }
      to = put_utf8(to, coded);
      break;
    default: *to++ = letter;
    }
  }
  *length = (size_t)(to - *value);
  return true;
}

bool json_text_member(const char *json, size_t length, const char *name, char **value, size_t *value_length) {
  reader_t reader = {json, json + length};
  if (!take(&reader, '{')) return false;
  bool found = false;
  reader_t last;
  while (!take(&reader, '}')) {
    reader_t key;
    if (!take_text(&reader, &key) || !take(&reader, ':')) return false;
    bool is_named = (size_t)(key.end - key.next) == strlen(name) && memcmp(key.next, name, strlen(name)) == 0;
    skip_blanks(&reader);
    if (is_named && reader.next < reader.end && *reader.next == '"') {
      if (!take_text(&reader, &last)) return false;
      found = true;
    } else {
      if (!skip_value(&reader)) return false;
      found = found && !is_named;
    }
    take(&reader, ',');
  }
  return found && decode(last, value, value_length);
}
