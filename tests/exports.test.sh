#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the camb_task authors
#
# The module exports module_register and nothing else: any other symbol might
# clash with one of the daemon's or of another plugin's.

NM=${NM:-nm}
if ! $NM --version >/dev/null 2>&1; then
  echo "1..0 # SKIP no nm (Debian package binutils)"
  exit 0
fi

echo 1..1
symbols=$($NM -D --defined-only "$MODULE_DIR/camb_task.so" |
  sed 's/.* //; s/@.*//' | sort)
if [ "$symbols" = module_register ]; then
  echo "ok 1 - the module exports module_register only"
else
  echo "not ok 1 - the module exports module_register only"
  echo "# it exports: $(echo "$symbols" | tr "\n" " ")"
fi
