/* SPDX-License-Identifier: MIT */
#include "line.h"

#include "memory.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool line_fail(struct line *line, const char *format, ...) {
  if (line->error != NULL)
    return false;
  va_list arguments;
  va_start(arguments, format);
  char *text = memory_format_arguments(format, arguments);
  va_end(arguments);
  line->error = memory_format("%s:%u: %s", line->source, line->number, text);
  free(text);
  return false;
}

/* By the letter behind the backslash. */
static const struct {
  char letter, meaning;
} escapes[] = {{'n', '\n'}, {'r', '\r'},  {'t', '\t'},  {'0', '\0'}, {'"', '"'},
               {'#', '#'},  {'\\', '\\'}, {'\'', '\''}, {' ', ' '}};

/* Reads what follows a backslash. */
static bool read_escape(struct line *line, char *meaning) {
  const char *at = line->at;
  if (line->end - at >= 3 && *at == 'x' && isxdigit((unsigned char)at[1]) &&
      isxdigit((unsigned char)at[2])) {
    const char digits[] = {at[1], at[2], '\0'};
    *meaning = (char)strtoul(digits, NULL, 16);
    line->at += 3;
    return true;
  }
  for (size_t i = 0; at < line->end && i < sizeof(escapes) / sizeof(escapes[0]);
       i++)
    if (escapes[i].letter == *at) {
      *meaning = escapes[i].meaning;
      line->at++;
      return true;
    }
  return line_fail(line, "unknown escape \\%.*s", at < line->end ? 1 : 0, at);
}

/* Reads a word to where there is room for it. Returns its end, or NULL. */
static char *read_word(struct line *line, char *to) {
  char quote = '\0';
  while (line->at < line->end &&
         (quote || !isspace((unsigned char)*line->at))) {
    char c = *line->at++;
    if (c == quote) {
      quote = '\0';
    } else if (!quote && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      if (c == '\\' && quote != '\'' && !read_escape(line, &c))
        return NULL;
      *to++ = c;
    }
  }
  if (!quote)
    return to;
  line_fail(line, "unterminated %c", quote);
  return NULL;
}

struct blob *line_next_word(struct line *line) {
  while (line->at < line->end && isspace((unsigned char)*line->at))
    line->at++;
  if (line->at == line->end || *line->at == '#' || line->error != NULL)
    return NULL;
  /* it is no longer than what it is written as */
  struct blob *word = blob_new(line->at, (size_t)(line->end - line->at));
  char *end = read_word(line, word->data);
  if (end == NULL) {
    blob_put(word);
    return NULL;
  }
  *end = '\0';
  word->size = (size_t)(end - word->data);
  return word;
}
