/* Reads guarded weights: what lies in memory -> codes. C99, no library, no memory of its own.
 *
 * A layer is n words, bit 0 the lowest, without gaps, stored `copies` times one whole copy after the other, and the
 * bits that guard them. A word is a code of at most 8 bits; above it lie two copies of each of its top `tmr` bits;
 * guarded words have 8 bits together. Guards: 0 none; 1 rows of eight words with eight check bits, SEC-DED; 2 the same,
 * rows read as zero where two flips are found; 3 five check bits for every word, words read as zero; 4 SEC-DED in bit 6
 * of seven of eight words; 5 a signature of two bits for every `group` words, their sum (in two's complement where
 * `sign`), each with the sign that KEY gives it; 6 parity of every three bits in the two lowest, wrong threes are 0.
 * `zero` holds the word that stands for weight 0 of each channel, n / channels words long. */
#include <stddef.h>
#include <stdint.h>
#define KEY 0xB269u
typedef struct { int data, r, place[64]; uint64_t mask[7]; } Code;
typedef const uint8_t *Bytes;

static int parity(uint64_t v) {
  for (int s = 32; s > 2; s /= 2) v ^= v >> s;
  return 0x6996 >> (v & 15) & 1;
}

static unsigned bits_at(Bytes memory, size_t at, int length) {
  uint32_t found = 0;
  for (size_t b = at / 8; b * 8 < at + (size_t)length; b++) found |= (uint32_t)memory[b] << 8 * (b - at / 8);
  return found >> at % 8 & ((1u << length) - 1);
}

/* An extended Hamming code over `data` bits with `r` check bits and a parity of all: the places of its bits. */
static Code hamming_code(int data, int r) {
  Code c = {data, r, {0}, {0}};
  for (int p = 1, i = 0; i < data; p++) {
    if (!(p & (p - 1))) continue;
    for (int j = 0; j < r; j++) c.mask[j] |= (uint64_t)(p >> j & 1) << i;
    c.place[i++] = p;
  }
  return c;
}

static int hamming(const Code *c, uint64_t *word, unsigned checks) { /* 1 where more is wrong than one */
  int syndrome = (int)(checks & ((1u << c->r) - 1)), odd = parity(*word) ^ parity(checks);
  for (int j = 0; j < c->r; j++) syndrome ^= parity(*word & c->mask[j]) << j;
  if (!odd || syndrome > c->place[c->data - 1]) return odd || syndrome;
  for (int i = 0; i < c->data; i++) *word ^= (uint64_t)(c->place[i] == syndrome) << i;
  return 0;
}

static void row(const Code *c, Bytes words, unsigned checks, size_t first, size_t end, int guard, Bytes zero, size_t each,
                uint8_t *out) {
  int inside = guard == 4, width = inside ? 7 : 8;
  uint64_t data = 0;
  for (size_t i = first; i < end; i++) {
    unsigned w = words[i];
    if (inside && i < first + 7) checks |= (w >> 6 & 1) << (i - first), w = (w & 63) | (w & 128) >> 1;
    data |= (uint64_t)w << (size_t)width * (i - first);
  }
  int whole = !inside || end == first + 8, wrong = whole && hamming(c, &data, checks);
  for (size_t i = first; i < end; i++) { /* the last words, fewer than eight, have no code inside */
    unsigned w = whole ? (unsigned)(data >> (size_t)width * (i - first)) & 255 : words[i];
    if (inside && whole && i < first + 7) w = (w & 127) | (w & 64) << 1;
    out[i] = wrong && guard == 2 ? zero[i / each] : (uint8_t)w;
  }
}

static void group_of(Bytes words, unsigned signature, size_t n, size_t g, size_t groups, int sign, Bytes zero,
                     size_t each, uint8_t *out) { /* word i is of group i modulo their number */
  uint32_t total = 0, k = 0;
  for (size_t i = g; i < n; i += groups, k++) {
    uint32_t value = sign && words[i] > 127 ? words[i] - 256u : words[i];
    total += KEY >> k % 16 & 1 ? 0u - value : value;
  }
  for (size_t i = g; i < n; i += groups) out[i] = (total >> 7 & 3) == signature ? words[i] : zero[i / each];
}

static uint8_t threes(unsigned w) {
  for (int i = 0; i < 2; i++)
    if (parity(w >> (2 + 3 * i) & 7) != (int)(w >> i & 1)) w &= ~(7u << (2 + 3 * i));
  return (uint8_t)(w & ~3u);
}

static unsigned voted(Bytes words, size_t n, size_t i, int width, int copies) {
  unsigned read = 0, votes[16] = {0}, of[3];
  for (int c = 0; c < 3; c++) of[c] = bits_at(words, (c * n + i) * width, width);
  if (copies == 3) return (of[0] & of[1]) | (of[0] & of[2]) | (of[1] & of[2]);
  for (int c = 0; c < copies; c++)
    for (unsigned w = bits_at(words, (c * n + i) * width, width), b = 0; w; w >>= 1) votes[b++] += w & 1;
  for (int b = 0; b < width; b++) read |= (unsigned)(2 * votes[b] > (unsigned)copies) << b;
  return read;
}

static uint8_t topped(unsigned w, int bits, int tmr) {
  for (int t = 0; t < tmr; t++) {
    int top = bits - 1 - t, up = bits + 2 * t;
    w = (w & ~(1u << top)) | (unsigned)((w >> top & 1) + (w >> up & 1) + (w >> (up + 1) & 1) > 1) << top;
  }
  return (uint8_t)(w & ((1u << bits) - 1));
}

void read_layer(Bytes words, Bytes checks, size_t n, int bits, int tmr, int copies, int guard, int group, int sign,
                Bytes zero, size_t channels, uint8_t *out) {
  size_t each = n / channels, groups = group ? (n + (size_t)group - 1) / (size_t)group : 0;
  int width = bits + 2 * tmr, bytes = width == 8 && copies == 1;
  uint8_t read[256]; /* what each byte stands for */
  for (unsigned w = 0; w < 256; w++) read[w] = guard == 6 ? threes(w) : topped(w, bits, tmr);
  for (size_t i = 0; bytes && (!guard || guard == 6) && i < n; i++) out[i] = read[words[i]];
  if (bytes && (!guard || guard == 6)) return;
  Code c = guard == 3 ? hamming_code(8, 4) : guard == 4 ? hamming_code(57, 6) : hamming_code(64, 7);
  for (size_t g = 0; g < groups; g++) group_of(words, bits_at(checks, 2 * g, 2), n, g, groups, sign, zero, each, out);
  for (size_t i = 0; i < n; i++) {
    uint64_t w = guard ? words[i] : 0;
    if (guard == 3) out[i] = hamming(&c, &w, bits_at(checks, 5 * i, 5)) ? zero[i / each] : (uint8_t)w;
    if ((guard == 1 || guard == 2 || guard == 4) && i % 8 == 0)
      row(&c, words, guard == 4 ? 0 : checks[i / 8], i, i + 8 < n ? i + 8 : n, guard, zero, each, out);
    if (guard) continue;
    unsigned other = copies > 1 ? voted(words, n, i, width, copies) : bits_at(words, i * (size_t)width, width);
    out[i] = topped(other, bits, tmr);
  }
  for (size_t i = 0; guard && tmr && i < n; i++) out[i] = read[out[i]];
}
