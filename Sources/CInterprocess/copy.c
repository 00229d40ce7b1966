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

#include "CInterprocess.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

void ipc_copy_large(void *to, const void *from, size_t byte_count) {
#if defined(__SSE2__)
  uintptr_t start = (uintptr_t)to, source = (uintptr_t)from;
  if (start + byte_count <= source || source + byte_count <= start) {
    // Streaming stores begin at a whole cache line.
    size_t head = -start & 63;
    if (head > byte_count) head = byte_count;
    memcpy(to, from, head);
    char *target = (char *)to + head;
    const char *rest = (const char *)from + head;
    size_t left = byte_count - head;
    for (; left >= 64; target += 64, rest += 64, left -= 64) {
      __m128i a = _mm_loadu_si128((const __m128i *)rest);
      __m128i b = _mm_loadu_si128((const __m128i *)rest + 1);
      __m128i c = _mm_loadu_si128((const __m128i *)rest + 2);
      __m128i d = _mm_loadu_si128((const __m128i *)rest + 3);
      _mm_stream_si128((__m128i *)target, a);
      _mm_stream_si128((__m128i *)target + 1, b);
      _mm_stream_si128((__m128i *)target + 2, c);
      _mm_stream_si128((__m128i *)target + 3, d);
    }
    // Streaming stores are not ordered with other stores. A reader that is notified afterwards must
    // see these bytes.
    _mm_sfence();
    memcpy(target, rest, left);
    return;
  }
#endif
  memmove(to, from, byte_count);
}
