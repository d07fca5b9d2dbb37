// As much JSON as this module needs.
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

// Finds the text `name` in the object `json`. Its decoded bytes are put into `value`, which is to be freed. Of members with the
// same name the last counts, as everywhere else. False when it is not there, is no text, or `json` is no object.
bool json_text_member(const char *json, size_t length, const char *name, char **value, size_t *value_length);

#endif
