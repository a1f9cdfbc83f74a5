/**
 * Watches: who is told which names come and go, each at its own pace.
 *
 * A watcher has one change at a time in its queue and answers when it wants the next;
 * the others wait here, `changesMax` for each watcher. If more happens, all that waits is
 * dropped and the watcher is told to enumerate again.
 * - A watch is of a path as it is written: it follows no links.
 * - It ends with its channel, and with the kernel of its process.
 */

import { CallError, ContractViolation } from "../calls/errors.ts";
import type { ChannelEnd, MessageValue } from "../channels/channel_end.ts";
import type { Kernel } from "../kernel.ts";
import { NameError, type Node, type Origin, partsOf } from "./name_tree.ts";

export const changesMax = 64;
const watchesMax = 1024;
/** One process must not take the watches of all others. */
const watchesPerProcessMax = 64;

interface Change {
  readonly tag: "appeared" | "disappeared";
  readonly path: string;
  readonly kind: Node<unknown>["kind"];
}

interface Watch {
  readonly path: string;
  readonly origin: Origin;
  readonly end: ChannelEnd;
  changes: Change[];
  hasOverflowed: boolean;
  /** It has been told something and has not asked for the next. */
  isBusy: boolean;
}

export class Watches {
  readonly #kernel: Kernel;
  readonly #watches = new Set<Watch>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Throws NameError; the end is the caller's to close then. */
  add(path: string, end: ChannelEnd, origin: Origin): void {
    partsOf(path);
    if (this.#watches.size >= watchesMax) {
      throw new NameError("OutOfMemory", `At most ${watchesMax} watches are kept`);
    }
    const own = [...this.#watches].filter((watch) => watch.origin.process === origin.process).length;
    if (own >= watchesPerProcessMax) {
      throw new NameError("OutOfMemory", `A process has at most ${watchesPerProcessMax} watches`);
    }
    const watch = { path, origin, end, changes: [], hasOverflowed: false, isBusy: false };
    this.#watches.add(watch);
    end.onMessage = () => {
      watch.isBusy = false;
      this.#tell(watch);
    };
    end.onClosed = () => this.#end(watch);
    if (end.peerClosed) this.#end(watch);
  }

  note(tag: Change["tag"], path: string, kind: Change["kind"]): void {
    for (const watch of this.#watches) {
      const isBelow = path === watch.path || path.startsWith(watch.path === "/" ? "/" : `${watch.path}/`);
      if (!isBelow || watch.hasOverflowed) continue;
      if (watch.changes.length < changesMax) watch.changes.push({ tag, path, kind });
      else this.#overflow(watch);
      this.#tell(watch);
    }
  }

  forgetKernel(kernel: number): void {
    for (const watch of this.#watches) if (watch.origin.kernel === kernel) this.#end(watch);
  }

  #overflow(watch: Watch): void {
    watch.changes = [];
    watch.hasOverflowed = true;
  }

  #tell(watch: Watch): void {
    if (watch.isBusy) return;
    const change = watch.changes.shift();
    if (change !== undefined) return this.#send(watch, change.tag, [change.path, change.kind]);
    if (!watch.hasOverflowed) return;
    watch.hasOverflowed = false;
    this.#send(watch, "overflowed", []);
  }

  #send(watch: Watch, tag: string, values: readonly MessageValue[]): void {
    const { end } = watch;
    const definition = end.contract.messageOf.get(tag)!;
    watch.isBusy = true;
    try {
      end.send({ definition, values }, end.stateAfter(definition));
    } catch (error) {
      if (error instanceof ContractViolation) return this.#end(watch);
      if (!(error instanceof CallError)) throw error;
      // No memory for a long path: that much can be told without any.
      this.#kernel.note(`a watch of ${watch.path} overflows: ${error.message}`);
      this.#overflow(watch);
      watch.isBusy = false;
      this.#tell(watch);
    }
  }

  #end(watch: Watch): void {
    if (this.#watches.delete(watch)) this.#kernel.channels.close(watch.end);
  }
}
