/**
 * What the host knows of its memory: heap in use, and collection on demand.
 *
 * Kernels end a process that has more alive than its quota; JavaScript itself does not tell what is dead.
 * - A full collection takes 10 to 90 ms: ask for one only when what counters say leaves a doubt.
 * - Times, counts and the event log must not depend on what this gives.
 */

import v8 from "node:v8";
import vm from "node:vm";

/** Sizes of the JavaScript heap of this process, and its collector. */
export class V8Memory {
  readonly limitBytes = v8.getHeapStatistics().heap_size_limit;
  readonly #collect: () => void;
  readonly #context = vm.createContext({}, { microtaskMode: "afterEvaluate" });
  readonly #release = new vm.Script("Promise.resolve().then(()=>1)");

  constructor() {
    v8.setFlagsFromString("--expose-gc");
    this.#collect = vm.runInNewContext("gc") as () => void;
    v8.setFlagsFromString("--no-expose-gc");
  }

  usedBytes(): number {
    return v8.getHeapStatistics().used_heap_size;
  }

  /**
   * Weak references that were made or read in this job keep their targets until it ends; a context with
   * microtasks of its own ends one here, and runs none of the host's.
   */
  releaseKept(): void {
    this.#release.runInContext(this.#context);
  }

  collect(): number {
    this.releaseKept();
    this.#collect();
    return this.usedBytes();
  }
}
