/**
 * The six workloads that the price of accounting is judged by.
 *
 * - A source exports `run(size, input)`, which gives a number that depends on all of its work; `input` is
 *   what `makeInput` makes.
 * - CRC-32 and the scan have a twin in C, `peer.c`: the same algorithm over the same bytes.
 * - The whole program is the antivirus of this tree, with a kernel that hands it one mail.
 */

import { deflateRawSync } from "node:zlib";

export interface Workload {
  readonly name: string;
  readonly size: number;
  /** Module text; undefined for the whole program. */
  readonly source?: string;
  readonly makeInput?: (size: number) => Uint8Array<ArrayBuffer>;
}

/** Lines of words out of 2,000, short ones more often: text as mail has it, the same each time. */
export function sampleText(size: number): Uint8Array<ArrayBuffer> {
  let seed = 1;
  const chance = (limit: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 16) % limit;
  };
  const letter = () => 97 + Math.floor(chance(26) * chance(26) / 26);
  const words = Array.from({ length: 2000 }, (_, index) => {
    return Uint8Array.from({ length: 2 + Math.floor(index / 200) }, letter);
  });
  const text = new Uint8Array(size).fill(10);
  for (let at = 0; at < size;) {
    const word = words[Math.floor(chance(2000) * chance(2000) / 2000)] ?? text;
    text.set(word.subarray(0, size - at), at);
    at += word.length;
    if (at < size) text[at++] = chance(11) === 0 ? 10 : 32;
  }
  return text;
}

/** The line in which base64 has 76 characters (RFC 2045, section 6.8). */
function base64Lines(bytes: Uint8Array<ArrayBuffer>): string {
  return bytes.toBase64().replaceAll(/.{76}/g, "$&\r\n");
}

/** A mail with a text and an attachment in base64. */
export function sampleMail(size: number): Uint8Array<ArrayBuffer> {
  const half = sampleText(size >> 1);
  const text = new TextDecoder().decode(half);
  return new TextEncoder().encode(
    "Subject: sample\r\nContent-Type: multipart/mixed; boundary=cut\r\n\r\n" +
      `--cut\r\nContent-Type: text/plain\r\n\r\n${text}\r\n` +
      "--cut\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
      `${base64Lines(half.subarray(0, half.length * 3 >> 2))}\r\n--cut--\r\n`,
  );
}

const crcSource = `
  const table = new Int32Array(256);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xEDB88320 : c >>> 1;
    table[i] = c;
  }
  export function run(size, bytes) {
    let c = -1;
    for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]) & 255] ^ (c >>> 8);
    return (c ^ -1) >>> 0;
  }`;

const sieveSource = `
  export function run(size) {
    const composite = new Uint8Array(size + 1);
    let count = 0;
    for (let i = 2; i <= size; i++) {
      if (composite[i] === 0) {
        count++;
        for (let j = i * 2; j <= size; j += i) composite[j] = 1;
      }
    }
    return count;
  }`;

const scanSource = `
  const statesMax = 512;
  const next = new Int32Array(statesMax * 256);
  const hits = new Int32Array(statesMax);
  let states = 1;
  // 64 patterns of three to eight letters.
  let seed = 9;
  for (let pattern = 0; pattern < 64; pattern++) {
    let state = 0;
    const length = 3 + pattern % 6;
    for (let at = 0; at < length; at++) {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0;
      const cell = state * 256 + 97 + (seed >>> 16) % 26;
      if (next[cell] === 0) next[cell] = states++;
      state = next[cell];
    }
    hits[state]++;
  }
  const failure = new Int32Array(states);
  const queue = new Int32Array(states);
  let queued = 1;
  for (let done = 0; done < queued; done++) {
    const state = queue[done];
    for (let byte = 0; byte < 256; byte++) {
      const cell = state * 256 + byte;
      const fallback = state === 0 ? 0 : next[failure[state] * 256 + byte];
      if (next[cell] === 0) next[cell] = fallback;
      else {
        failure[next[cell]] = fallback;
        hits[next[cell]] += hits[fallback];
        queue[queued++] = next[cell];
      }
    }
  }
  export function run(size, bytes) {
    let state = 0;
    let found = 0;
    for (let i = 0; i < bytes.length; i++) {
      state = next[state << 8 | bytes[i]];
      found = (found + hits[state]) | 0;
    }
    return found;
  }`;

const wordCountSource = `
  function isLetter(code) {
    return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
  }
  export function run(size, text) {
    const counts = new Map();
    let at = 0;
    while (at < size) {
      while (at < size && !isLetter(text[at])) at++;
      let hash = 0;
      const start = at;
      while (at < size && isLetter(text[at])) {
        hash = (Math.imul(hash, 31) + text[at]) | 0;
        at++;
      }
      if (at > start) counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
    let sum = 0;
    for (const count of counts.values()) sum = (sum * 31 + count) | 0;
    return sum;
  }`;

/** Decodes raw deflate (RFC 1951). */
const inflateSource = `
  const lengthBases = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
    115, 131, 163, 195, 227, 258];
  const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
  const distanceBases = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025,
    1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
  const codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

  class BitReader {
    #bytes;
    #at = 0;
    #held = 0;
    #heldBits = 0;
    constructor(bytes) {
      this.#bytes = bytes;
    }
    bits(count) {
      while (this.#heldBits < count) {
        this.#held |= this.#bytes[this.#at++] << this.#heldBits;
        this.#heldBits += 8;
      }
      const value = this.#held & ((1 << count) - 1);
      this.#held >>>= count;
      this.#heldBits -= count;
      return value;
    }
    /** The next symbol of a canonical code: shorter codes first, of one length in the order of symbols. */
    symbol({ counts, symbols }) {
      let code = 0;
      let first = 0;
      let index = 0;
      for (let length = 1; length < 16; length++) {
        code |= this.bits(1);
        const count = counts[length];
        if (code - count < first) return symbols[index + code - first];
        index += count;
        first = (first + count) << 1;
        code <<= 1;
      }
      throw new Error("no such code");
    }
    /** A stored block's bytes, which start at a whole byte. */
    stored(out, at) {
      this.#held = 0;
      this.#heldBits = 0;
      const size = this.#bytes[this.#at] | this.#bytes[this.#at + 1] << 8;
      this.#at += 4;
      for (let index = 0; index < size; index++) out[at + index] = this.#bytes[this.#at++];
      return at + size;
    }
  }

  function codeOf(lengths) {
    const counts = new Uint16Array(16);
    for (const length of lengths) counts[length]++;
    counts[0] = 0;
    const offsets = new Uint16Array(16);
    for (let length = 1; length < 16; length++) offsets[length] = offsets[length - 1] + counts[length - 1];
    const symbols = new Uint16Array(lengths.length);
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== 0) symbols[offsets[lengths[symbol]]++] = symbol;
    }
    return { counts, symbols };
  }

  function fixedCodes() {
    const lengths = [];
    for (let symbol = 0; symbol < 288; symbol++) {
      lengths.push(symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
    }
    return { literals: codeOf(lengths), distances: codeOf(new Uint8Array(30).fill(5)) };
  }

  function dynamicCodes(reader) {
    const literalCount = reader.bits(5) + 257;
    const distanceCount = reader.bits(5) + 1;
    const codeCount = reader.bits(4) + 4;
    const codeLengths = new Uint8Array(19);
    for (let index = 0; index < codeCount; index++) codeLengths[codeOrder[index]] = reader.bits(3);
    const code = codeOf(codeLengths);
    const lengths = new Uint8Array(literalCount + distanceCount);
    for (let at = 0; at < lengths.length;) {
      const symbol = reader.symbol(code);
      if (symbol < 16) lengths[at++] = symbol;
      else {
        const repeated = symbol === 16 ? lengths[at - 1] : 0;
        let times = symbol === 16 ? 3 + reader.bits(2) : symbol === 17 ? 3 + reader.bits(3) : 11 + reader.bits(7);
        while (times-- > 0) lengths[at++] = repeated;
      }
    }
    return {
      literals: codeOf(lengths.subarray(0, literalCount)),
      distances: codeOf(lengths.subarray(literalCount)),
    };
  }

  function inflateBlock(reader, { literals, distances }, out, start) {
    let at = start;
    for (;;) {
      const symbol = reader.symbol(literals);
      if (symbol < 256) out[at++] = symbol;
      else if (symbol === 256) return at;
      else {
        const length = lengthBases[symbol - 257] + reader.bits(lengthBits[symbol - 257]);
        const code = reader.symbol(distances);
        const distance = distanceBases[code] + reader.bits(code < 2 ? 0 : (code >> 1) - 1);
        for (let index = 0; index < length; index++, at++) out[at] = out[at - distance];
      }
    }
  }

  export function run(size, input) {
    const out = new Uint8Array(size);
    const reader = new BitReader(input);
    let at = 0;
    let isLast = 0;
    while (isLast === 0) {
      isLast = reader.bits(1);
      const kind = reader.bits(2);
      if (kind === 0) at = reader.stored(out, at);
      else at = inflateBlock(reader, kind === 1 ? fixedCodes() : dynamicCodes(reader), out, at);
    }
    let sum = at;
    for (let index = 0; index < at; index++) sum = (Math.imul(sum, 31) + out[index]) | 0;
    return sum;
  }`;

/** A size is in bytes of input, of output for inflate, and a number for the sieve. */
export const workloads: readonly Workload[] = [
  { name: "CRC-32", size: 200_000, source: crcSource, makeInput: sampleText },
  { name: "sieve", size: 200_000, source: sieveSource },
  { name: "Aho-Corasick scan", size: 200_000, source: scanSource, makeInput: sampleText },
  { name: "word count", size: 100_000, source: wordCountSource, makeInput: sampleText },
  {
    name: "inflate",
    size: 50_000,
    source: inflateSource,
    makeInput: (size) => new Uint8Array(deflateRawSync(sampleText(size))),
  },
  { name: "whole program", size: 100_000, makeInput: sampleMail },
];
