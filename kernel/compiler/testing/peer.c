/*
 * The C twin of the workloads "CRC-32" and "Aho-Corasick scan" of workloads.ts.
 *
 * usage: peer TEXT-FILE ROUNDS
 * Runs each over the file's bytes that many times and prints, on a line for each, the name, what it found
 * and the nanoseconds of its fastest round.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { states_max = 512, size_max = 1 << 22 };

static uint8_t bytes[size_max];
static uint32_t crc_table[256];
static int32_t next[states_max * 256], hits[states_max], failure[states_max], queue[states_max];

static void make_crc_table(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320 : c >> 1;
    crc_table[i] = c;
  }
}

static void make_automaton(void) {
  int32_t states = 1;
  uint32_t seed = 9;
  for (int pattern = 0; pattern < 64; pattern++) {
    int32_t state = 0;
    for (int at = 0; at < 3 + pattern % 6; at++) {
      seed = seed * 1103515245 + 12345;
      int32_t *cell = &next[state * 256 + 97 + (seed >> 16) % 26];
      if (*cell == 0) *cell = states++;
      state = *cell;
    }
    hits[state]++;
  }
  int32_t queued = 1;
  for (int32_t done = 0; done < queued; done++) {
    int32_t state = queue[done];
    for (int byte = 0; byte < 256; byte++) {
      int32_t *cell = &next[state * 256 + byte];
      int32_t fallback = state == 0 ? 0 : next[failure[state] * 256 + byte];
      if (*cell == 0) {
        *cell = fallback;
      } else {
        failure[*cell] = fallback;
        hits[*cell] += hits[fallback];
        queue[queued++] = *cell;
      }
    }
  }
}

static uint32_t crc32(size_t size) {
  uint32_t c = 0xFFFFFFFF;
  for (size_t i = 0; i < size; i++) c = crc_table[(c ^ bytes[i]) & 255] ^ c >> 8;
  return ~c;
}

static uint32_t scan(size_t size) {
  int32_t state = 0, found = 0;
  for (size_t i = 0; i < size; i++) {
    state = next[state << 8 | bytes[i]];
    found += hits[state];
  }
  return found;
}

static void measure(const char *name, uint32_t (*run)(size_t), size_t size, long rounds) {
  uint64_t best = UINT64_MAX;
  uint32_t found = 0;
  for (long round = 0; round < rounds; round++) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    found = run(size);
    clock_gettime(CLOCK_MONOTONIC, &end);
    uint64_t ns = (uint64_t)(end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec;
    if (ns < best) best = ns;
  }
  printf("%s\t%u\t%llu\n", name, found, (unsigned long long)best);
}

int main(int count, char **arguments) {
  FILE *file = count == 3 ? fopen(arguments[1], "rb") : NULL;
  if (file == NULL) return 2;
  size_t size = fread(bytes, 1, size_max, file);
  make_crc_table();
  make_automaton();
  measure("CRC-32", crc32, size, atol(arguments[2]));
  measure("Aho-Corasick scan", scan, size, atol(arguments[2]));
  return 0;
}
