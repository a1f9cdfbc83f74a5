/**
 * A watch of names for tests of programs: one change at a time, the next when it is asked for.
 *
 * `serve` is a thread of the test kernel; it ends when the watcher closes its end or dies.
 * - What happens while the watcher is busy waits here; more than the real namespace keeps is an overflow.
 */

import type { Program } from "../../abi/kernel.ts";
import { changesMax } from "../../namespace/watches.ts";
import { type TestEndpoint, Wait } from "./test_channels.ts";

type Change = readonly [
  tag: "appeared" | "disappeared",
  body: { readonly path: string; readonly kind: string },
];

export class TestWatch {
  readonly #path: string;
  readonly #end: TestEndpoint;
  #changes: Change[] = [];
  #hasOverflowed = false;

  /** `end` is the server's. */
  constructor(path: string, end: TestEndpoint) {
    this.#path = path;
    this.#end = end;
  }

  get hasEnded(): boolean {
    return this.#end.closed || this.#end.peer.closed;
  }

  note(...[tag, body]: Change): void {
    const prefix = this.#path === "/" ? "/" : `${this.#path}/`;
    if (body.path !== this.#path && !body.path.startsWith(prefix) || this.#hasOverflowed) return;
    if (this.#changes.length < changesMax) this.#changes.push([tag, body]);
    else {
      this.#changes = [];
      this.#hasOverflowed = true;
    }
  }

  *serve(): Program {
    for (;;) {
      const happened = () => this.hasEnded || this.#hasOverflowed || this.#changes.length > 0;
      yield new Wait(`changes below ${this.#path}`, happened);
      if (this.hasEnded) break;
      const change = this.#changes.shift();
      if (change === undefined) {
        this.#hasOverflowed = false;
        yield* this.#end.send("overflowed");
      } else yield* this.#end.send(...change);
      if ((yield* this.#end.receiveOrClosed()) === undefined) break;
    }
    this.#end.shut();
  }
}
