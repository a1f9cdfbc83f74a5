/**
 * Programs that stand for what programs do: checksums, sieves, counting words, calls, objects, floats.
 *
 * The benchmark and the test of the accounting's price run each of them with and without accounting.
 * - Each exports `run(size)`, which gives a number that depends on all of its work.
 */

/** Sources of module text, by name of the workload, with the size to run it at. */
export const workloads: Readonly<Record<string, { readonly size: number; readonly source: string }>> = {
  "CRC-32": {
    size: 400_000,
    source: `
      const table = new Int32Array(256);
      for (let i = 0; i < 256; i++) {
        let c = i;
        for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xEDB88320 : c >>> 1;
        table[i] = c;
      }
      export function run(size) {
        const bytes = new Uint8Array(size);
        for (let i = 0; i < size; i++) bytes[i] = i * 7;
        let c = -1;
        for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]) & 255] ^ (c >>> 8);
        return (c ^ -1) >>> 0;
      }`,
  },
  "sieve": {
    size: 400_000,
    source: `
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
      }`,
  },
  "word count": {
    size: 200_000,
    source: `
      function isLetter(code) {
        return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
      }
      export function run(size) {
        const text = new Uint8Array(size);
        let seed = 1;
        for (let i = 0; i < size; i++) {
          seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
          text[i] = (seed >>> 16) % 5 === 0 ? 32 : 97 + (seed >>> 16) % 3;
        }
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
      }`,
  },
  "recursion": {
    size: 22,
    source: `
      function fibonacci(n) {
        if (n < 2) return n;
        return fibonacci(n - 1) + fibonacci(n - 2);
      }
      export function run(size) {
        return fibonacci(size);
      }`,
  },
  "objects": {
    size: 30_000,
    source: `
      class Heap {
        #items = [];
        get size() { return this.#items.length; }
        push(key, value) {
          const items = this.#items;
          items.push({ key, value });
          let at = items.length - 1;
          while (at > 0) {
            const parent = (at - 1) >> 1;
            if (items[parent].key <= items[at].key) break;
            [items[parent], items[at]] = [items[at], items[parent]];
            at = parent;
          }
        }
        pop() {
          const items = this.#items;
          const top = items[0];
          const last = items.pop();
          if (items.length > 0) {
            items[0] = last;
            let at = 0;
            for (;;) {
              let least = at;
              for (let child = 2 * at + 1; child <= 2 * at + 2; child++) {
                if (child < items.length && items[child].key < items[least].key) least = child;
              }
              if (least === at) break;
              [items[least], items[at]] = [items[at], items[least]];
              at = least;
            }
          }
          return top;
        }
      }
      export function run(size) {
        const heap = new Heap();
        let seed = 7;
        for (let i = 0; i < size; i++) {
          seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
          heap.push(seed, i);
        }
        let sum = 0;
        while (heap.size > 0) sum = (Math.imul(sum, 31) + heap.pop().value) | 0;
        return sum;
      }`,
  },
  "floats": {
    size: 60,
    source: `
      export function run(size) {
        const a = [], b = [], c = [];
        for (let i = 0; i < size * size; i++) { a[i] = i % 7 + 0.5; b[i] = i % 5 - 0.25; c[i] = 0.5; }
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++) {
            let sum = 0;
            for (let k = 0; k < size; k++) sum += a[i * size + k] * b[k * size + j];
            c[i * size + j] = sum;
          }
        }
        let total = 0;
        for (const value of c) total += value;
        return total;
      }`,
  },
  "strings": {
    size: 3_000,
    source: `
      function escape(text) {
        let out = "";
        for (let i = 0; i < text.length; i++) {
          const code = text.charCodeAt(i);
          if (code === 38) out += "&amp;";
          else if (code === 60) out += "&lt;";
          else out += text[i];
        }
        return out;
      }
      export function run(size) {
        let sum = 0;
        for (let i = 0; i < size; i++) {
          const line = "GET /index" + i + ".html?a<b&c HTTP/1.1";
          const parts = line.split(" ");
          const escaped = escape(parts[1]);
          sum = (sum * 31 + escaped.length + escaped.indexOf("lt")) | 0;
        }
        return sum;
      }`,
  },
};
