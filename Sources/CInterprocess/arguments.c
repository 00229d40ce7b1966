//===----------------------------------------------------------------------===//
//
// This source file is part of the swift-interprocess open source project
//
// Copyright (c) 2026 the swift-interprocess authors
// Licensed under Apache License v2.0
//
// See LICENSE for license information
//
// SPDX-License-Identifier: Apache-2.0
//
//===----------------------------------------------------------------------===//
#define _GNU_SOURCE
#include "CInterprocess.h"

#include <sys/auxv.h>

static int count;
static char **arguments;

// The C library passes constructors the same arguments as `main`.
__attribute__((constructor)) static void keep(int argument_count, char **argument_list) {
  count = argument_count;
  arguments = argument_list;
}

int ipc_argument_count(void) { return count; }

const char *ipc_argument(int index) { return arguments[index]; }

const char *ipc_program(void) { return (const char *)getauxval(AT_EXECFN); }
