/* SPDX-License-Identifier: MIT */
/* One thing to tell, by a notification or a log line. */
#ifndef EVENT_H
#define EVENT_H

#include "outcome.h"
#include "result_decoder.h"
#include "status_decoder.h"
#include "task_list.h"
#include "task_state.h"

#include <stddef.h>
#include <stdint.h>

#define EVENT_DETAIL_SIZE 768 /* bytes with the terminator */

enum event_kind {
  EVENT_TASK_ENDED,         /* the task has reached a final state */
  EVENT_TASK_STALLED,       /* it has been pending for longer than it should */
  EVENT_TASK_TROUBLE,       /* asking for this task goes wrong */
  EVENT_TASK_TROUBLE_OVER,  /* it does not any more */
  EVENT_MANY_TASKS_TROUBLE, /* for so many tasks that no more are named */
  EVENT_MANY_TASKS_OVER,    /* for none of them any more */
  EVENT_ACCOUNT_TROUBLE,    /* asking for the account's tasks goes wrong */
  EVENT_ACCOUNT_TROUBLE_OVER, /* it does not any more */
  EVENT_KEY_REJECTED,         /* a round with no good answer, but 401 or 403 */
  EVENT_KEY_ACCEPTED,         /* good answers again */
  EVENT_BLIND,                /* several rounds without any good answer */
  EVENT_BLIND_OVER,           /* good answers again */
  EVENT_FILE_PROBLEM,         /* what is wrong with a file */
  EVENT_FILE_PROBLEM_OVER     /* it is not any more */
};

/* A copy: nothing in it changes or goes away. */
struct event {
  enum event_kind kind;
  size_t account;       /* its index; not for files */
  enum outcome outcome; /* of a trouble */
  /* of a trouble, or the whole of a file's problem */
  char detail[EVENT_DETAIL_SIZE];
  /* of the task, or of the first one that had the account's trouble; "" if
   * none had it */
  char name[TASK_NAME_MAX + 1];

  /* of events on a task: */
  char id[TASK_ID_MAX + 1];
  char type[TASK_TYPE_MAX + 1];
  enum task_state state;
  double elapsed; /* seconds; negative: not known */
  int64_t run_id; /* or STATUS_RUN_ID_NONE */
  char exception_reason[STATUS_REASON_SIZE];
  char message[STATUS_MESSAGE_SIZE];
  char project_name[RESULT_NAME_SIZE]; /* "": not known */
  char studio_url[RESULT_URL_SIZE];    /* "": not known */
};

#endif
