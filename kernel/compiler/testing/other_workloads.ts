/**
 * Further workloads: what the six of `workloads.ts` have little of, calls, objects, floats, strings.
 *
 * They are measured beside the six and do not count in their mean.
 * - Each exports `run(size)`, which gives a number that depends on all of its work.
 */

import type { Workload } from "./workloads.ts";

export const otherWorkloads: readonly Workload[] = [
  {
    name: "recursion",
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
  {
    name: "objects",
    size: 1_000,
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
  {
    name: "floats",
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
  {
    name: "strings",
    size: 1_000,
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
];
