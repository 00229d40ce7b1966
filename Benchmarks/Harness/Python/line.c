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

// The cache-line ping-pong of bench.h as a shared library, for the Python harness.
#include "bench.h"
double line_lead(uint64_t *line) { return bench_line_lead(line); }
void line_follow(uint64_t *line) { bench_line_follow(line); }
