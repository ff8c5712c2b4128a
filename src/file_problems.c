/* SPDX-License-Identifier: MIT */
#include "file_problems.h"

#include "utf8.h"

#include <stdlib.h>
#include <string.h>

struct file_problem {
  struct file_problem *next;
  const void *owner;
  bool is_there;
  bool told;
  char text[EVENT_DETAIL_SIZE];
};

/* Frees what is neither there nor to be told. */
static void drop_ended(struct file_problems *problems) {
  struct file_problem **link = &problems->first;
  while (*link != NULL) {
    struct file_problem *problem = *link;
    if (problem->is_there || problem->told) {
      link = &problem->next;
    } else {
      *link = problem->next;
      free(problem);
    }
  }
}

void file_problems_clear(struct file_problems *problems) {
  while (problems->first != NULL) {
    struct file_problem *next = problems->first->next;
    free(problems->first);
    problems->first = next;
  }
}

/* Several owners may have the same problem, with the same file. Returns whether
 * any of them has it still, and whether it has been told. */
static bool is_anywhere(const struct file_problems *problems, const char *text,
                        bool *told) {
  bool is_there = false;
  *told = false;
  for (const struct file_problem *problem = problems->first; problem != NULL;
       problem = problem->next)
    if (strcmp(problem->text, text) == 0) {
      is_there = is_there || problem->is_there;
      *told = *told || problem->told;
    }
  return is_there;
}

static struct file_problem *add(struct file_problems *problems,
                                const void *owner, const char *text) {
  struct file_problem **link = &problems->first;
  struct file_problem *problem = calloc(1, sizeof(*problem));
  if (problem == NULL)
    return NULL;
  problem->owner = owner;
  is_anywhere(problems, text, &problem->told);
  utf8_copy(problem->text, sizeof(problem->text), text);
  while (*link != NULL) /* at the end, so that they are told in their order */
    link = &(*link)->next;
  *link = problem;
  return problem;
}

static struct file_problem *find(const struct file_problems *problems,
                                 const void *owner, const char *text) {
  struct file_problem *problem = problems->first;
  while (problem != NULL &&
         (problem->owner != owner || strcmp(problem->text, text) != 0))
    problem = problem->next;
  return problem;
}

void file_problems_set(struct file_problems *problems, const void *owner,
                       const char (*texts)[EVENT_DETAIL_SIZE], size_t count) {
  for (struct file_problem *problem = problems->first; problem != NULL;
       problem = problem->next)
    if (problem->owner == owner)
      problem->is_there = false;
  for (size_t i = 0; i < count; i++) {
    struct file_problem *problem = find(problems, owner, texts[i]);
    if (problem == NULL)
      problem = add(problems, owner, texts[i]);
    if (problem != NULL)
      problem->is_there = true;
  }
  drop_ended(problems);
}

static bool next_event(const struct file_problems *problems, bool is_there,
                       struct event *event) {
  for (const struct file_problem *problem = problems->first; problem != NULL;
       problem = problem->next) {
    bool told;
    if (problem->is_there == problem->told || problem->is_there != is_there ||
        is_anywhere(problems, problem->text, &told) != is_there)
      continue;
    event->kind = is_there ? EVENT_FILE_PROBLEM : EVENT_FILE_PROBLEM_OVER;
    utf8_copy(event->detail, sizeof(event->detail), problem->text);
    return true;
  }
  return false;
}

bool file_problems_next_event(const struct file_problems *problems,
                              struct event *event) {
  return next_event(problems, true, event) ||
         next_event(problems, false, event);
}

void file_problems_event_done(struct file_problems *problems,
                              const struct event *event) {
  bool is_told = event->kind == EVENT_FILE_PROBLEM, is_known = false;
  for (struct file_problem *problem = problems->first; problem != NULL;
       problem = problem->next)
    if (strcmp(problem->text, event->detail) == 0) {
      problem->told = is_told;
      is_known = true;
    }
  if (is_told && !is_known) { /* it went while it was being told */
    struct file_problem *problem = add(problems, NULL, event->detail);
    if (problem != NULL)
      problem->told = true;
  }
  drop_ended(problems);
}
