/* Reads guarded weights: what lies in memory -> codes. C99, no library, no memory of its own.
 *
 * A layer is n words, bit 0 the lowest, without gaps, stored `copies` times one whole copy after the other, and the
 * bits that guard them. A word is a code of `bits` bits; above it lie two copies of each of its top `tmr` bits: at
 * most 8 bits together, and 8 under a guard. Guards: 0 none; 1 rows of eight words with eight check bits, SEC-DED;
 * 2 the same, rows read as zero where two flips are found; 3 five check bits for every word, words read as zero;
 * 4 SEC-DED in bit 6 of seven of eight words.
 * `zero` holds the word that stands for weight 0 of each channel, n / channels words long. */
#include <stddef.h>
#include <stdint.h>

static int parity(uint64_t v) {
  for (int s = 32; s; s /= 2) v ^= v >> s;
  return (int)(v & 1);
}

static unsigned bits_at(const uint8_t *memory, size_t at, int length) {
  unsigned found = 0;
  for (int i = 0; i < length; i++, at++) found |= (unsigned)(memory[at / 8] >> at % 8 & 1) << i;
  return found;
}

/* Extended Hamming code over `data` bits with `r` check bits and a parity of all: 1 where more is wrong than one. */
static int hamming(uint64_t *word, unsigned checks, int data, int r) {
  int place[64], last = 0;
  for (int p = 1; last < data; p++)
    if (p & (p - 1)) place[last++] = p;
  int syndrome = (int)(checks & ((1u << r) - 1)), odd = parity(*word) ^ parity(checks);
  for (int i = 0; i < data; i++)
    if (*word >> i & 1) syndrome ^= place[i];
  if (!odd || syndrome > place[data - 1]) return odd || syndrome;
  for (int i = 0; i < data; i++)
    if (place[i] == syndrome) *word ^= (uint64_t)1 << i;
  return 0;
}

static uint8_t voted(const uint8_t *words, size_t n, size_t i, int width, int copies) {
  uint8_t read = 0;
  for (int b = 0; b < width; b++) {
    int votes = 0;
    for (int c = 0; c < copies; c++) votes += (int)bits_at(words, (c * n + i) * width + b, 1);
    read |= (uint8_t)((2 * votes > copies) << b);
  }
  return read;
}

static void row(const uint8_t *words, const uint8_t *checks, size_t n, size_t first, int guard,
                const uint8_t *zero, size_t each, uint8_t *out) {
  size_t end = first + 8 < n ? first + 8 : n;
  uint64_t data = 0;
  unsigned found = guard == 4 ? 0 : checks[first / 8];
  for (size_t i = first; i < end; i++) {
    uint8_t w = words[i];
    if (guard == 4 && i < first + 7) {
      found |= (unsigned)(w >> 6 & 1) << (i - first);
      w = (uint8_t)((w & 63) | (w & 128) >> 1);
    }
    data |= (uint64_t)w << (guard == 4 ? 7 : 8) * (i - first);
  }
  int wrong = guard == 4 ? (end < first + 8 ? 0 : hamming(&data, found, 57, 6)) : hamming(&data, found, 64, 7);
  for (size_t i = first; i < end; i++) {
    uint8_t w = (uint8_t)(data >> (guard == 4 ? 7 : 8) * (i - first));
    if (guard == 4 && i < first + 7) w = (uint8_t)((w & 127) | (w & 64) << 1);
    if (guard == 4 && end < first + 8) w = words[i]; /* the last words, fewer than eight, have no code */
    out[i] = wrong && guard == 2 ? zero[i / each] : w;
  }
}

void read_layer(const uint8_t *words, const uint8_t *checks, size_t n, int bits, int tmr, int copies, int guard,
                const uint8_t *zero, size_t channels, uint8_t *out) {
  size_t each = n / channels;
  int width = bits + 2 * tmr;
  for (size_t i = 0; i < n; i++) {
    if (guard == 3) {
      uint64_t w = words[i];
      out[i] = hamming(&w, bits_at(checks, 5 * i, 5), 8, 4) ? zero[i / each] : (uint8_t)w;
    } else if (!guard) {
      out[i] = copies > 1 ? voted(words, n, i, width, copies) : (uint8_t)bits_at(words, i * width, width);
    } else if (i % 8 == 0) {
      row(words, checks, n, i, guard, zero, each, out);
    }
  }
  for (size_t i = 0; tmr && i < n; i++) {
    uint8_t code = out[i] & (uint8_t)((1 << bits) - 1);
    for (int t = 0; t < tmr; t++) {
      int top = bits - 1 - t, up = bits + 2 * t;
      int votes = (out[i] >> top & 1) + (out[i] >> up & 1) + (out[i] >> (up + 1) & 1);
      code = (uint8_t)((code & ~(1 << top)) | (votes > 1) << top);
    }
    out[i] = code;
  }
}
