/* SPDX-License-Identifier: MIT */
#include "task_state.h"

const struct task_state_info task_state_info[TASK_STATE_COUNT] = {
#define X(symbol, name, code, severity, final) {name, code, severity, final},
    TASK_STATES(X)
#undef X
};
