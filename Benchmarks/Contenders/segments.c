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

// contender: name="system calls, by number of segments" group=segments only=curve
// curve: 1,10,100,1000,10000
// flags: -lrt

// How the cost of a segment grows with the number of segments in /dev/shm: with bare system calls.
#include "bench.h"
#include <dirent.h>
#include <sys/stat.h>

static char directory[] = "/dev/shm";
static char one[64], other[64];

static void name_of(char *name, size_t size, size_t i) {
  snprintf(name, size, "/benchmark-%zu", i);
}

static int make(const char *name) {
  int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
  if (fd < 0 || ftruncate(fd, 4096)) bench_die("shm_open");
  return fd;
}

static void map_and_close(int fd) {
  void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) bench_die("mmap");
  munmap(p, 4096);
  close(fd);
}

static void create_and_unlink(void *p) {
  (void)p;
  map_and_close(make(one));
  shm_unlink(one);
}

static void attach_and_close(void *p) {
  (void)p;
  int fd = shm_open(other, O_RDWR, 0600);
  struct stat status;
  if (fd < 0 || fstat(fd, &status)) bench_die("shm_open");
  map_and_close(fd);
}

static void list(void *p) {
  size_t *count = (size_t *)p;
  DIR *stream = opendir(directory);
  if (!stream) bench_die("opendir");
  *count = 0;
  for (struct dirent *entry; (entry = readdir(stream));) {
    char path[512];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (!lstat(path, &status) && S_ISREG(status.st_mode)) ++*count;
  }
  closedir(stream);
}

int main(int argc, char **argv) {
  bench_init(argc, argv);
  bench_pin(bench.core_a);
  snprintf(one, sizeof one, "/benchmark-one");
  for (int k = 0; k < bench.nsizes; k++) {
    size_t n = bench.sizes[k], listed = 0;
    char name[64];
    for (size_t i = 0; i < n; i++) {
      name_of(name, sizeof name, i);
      close(make(name));
    }
    name_of(other, sizeof other, n / 2);
    bench_row row = {
        .contender = "system calls", .lang = "C", .test = "segments", .unit = "ns", .size = n};
    bench_row create = row, attach = row, all = row, sweep = row;
    create.what = "create and unlink";
    bench_time(&create, create_and_unlink, NULL);
    bench_emit(&create);
    attach.what = "attach and close";
    bench_time(&attach, attach_and_close, NULL);
    bench_emit(&attach);
    all.what = "list";
    bench_time(&all, list, &listed);
    if (listed < n) bench_die("list");
    bench_emit(&all);
    uint64_t begin = bench_now();
    for (size_t i = 0; i < n; i++) {
      name_of(name, sizeof name, i);
      if (shm_unlink(name)) bench_die("shm_unlink");
    }
    sweep.what = "sweep, all stale";
    sweep.rep[sweep.n++] = (double)(bench_now() - begin);
    bench_emit(&sweep);
  }
  return 0;
}
