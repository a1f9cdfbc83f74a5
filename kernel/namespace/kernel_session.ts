/**
 * The namespace's side of one kernel: its requests come in here, answers and news go out.
 *
 * - One request at a time; each is answered before the next can come.
 * - News (how binds that waited have ended) go out one by one; they wait here while the
 *   kernel has not seen the last, no more than there are binds that wait.
 */

import { CallError, ContractViolation } from "../calls/errors.ts";
import type { ChannelEnd, Message, MessageValue } from "../channels/channel_end.ts";
import type { Kernel } from "../kernel.ts";

/** Texts of an answer that fits a record, so that sending it takes no memory. */
const shortReason = "The coordinator has no memory for the answer";
const reasonMax = 200;

export class KernelSession {
  readonly #kernel: Kernel;
  readonly #end: ChannelEnd;
  #news: ChannelEnd | undefined;
  readonly #unsent: { tag: string; values: readonly MessageValue[] }[] = [];
  #isTelling = false;

  constructor(
    kernel: Kernel,
    end: ChannelEnd,
    /** The kernel at the other end. */
    readonly index: number,
    onRequest: (message: Message) => void,
    onGone: () => void,
  ) {
    this.#kernel = kernel;
    this.#end = end;
    end.onMessage = (message) => {
      if (message.definition.tag === "attach") this.#attach(message.values[0] as ChannelEnd);
      else onRequest(message);
    };
    end.onClosed = () => {
      kernel.channels.close(end);
      if (this.#news !== undefined) kernel.channels.close(this.#news);
      onGone();
    };
  }

  done(): void {
    this.#answer("done", []);
  }

  waiting(): void {
    this.#answer("waiting", []);
  }

  entries(json: string, more: boolean): void {
    this.#answer("entries", [json, more]);
  }

  refuse(code: string, reason: string): void {
    this.#answer("refused", [code, reason.slice(0, reasonMax)]);
  }

  tellBound(id: number): void {
    this.#tell("bound", [id]);
  }

  tellRefused(id: number, code: string, reason: string): void {
    this.#tell("refused", [id, code, reason.slice(0, reasonMax)]);
  }

  #attach(news: ChannelEnd): void {
    this.#news = news;
    news.onMessage = () => {
      this.#isTelling = false;
      this.#tellNext();
    };
  }

  #answer(tag: string, values: readonly MessageValue[]): void {
    if (this.#end.closed) return;
    if (!this.#send(this.#end, tag, values)) this.#send(this.#end, "refused", ["OutOfMemory", shortReason]);
  }

  #tell(tag: string, values: readonly MessageValue[]): void {
    this.#unsent.push({ tag, values });
    this.#tellNext();
  }

  #tellNext(): void {
    const news = this.#news;
    if (news === undefined || news.closed || this.#isTelling) return;
    const next = this.#unsent.shift();
    if (next === undefined) return;
    this.#isTelling = true;
    const isSent = this.#send(news, next.tag, next.values);
    if (!isSent) this.#send(news, "refused", [next.values[0]!, "OutOfMemory", shortReason]);
  }

  #send(end: ChannelEnd, tag: string, values: readonly MessageValue[]): boolean {
    const definition = end.contract.messageOf.get(tag)!;
    try {
      end.send({ definition, values }, end.stateAfter(definition));
      return true;
    } catch (error) {
      if (!(error instanceof ContractViolation || error instanceof CallError)) throw error;
      this.#kernel.note(`kernel ${this.index} gets no answer from the namespace: ${error.message}`);
      return false;
    }
  }
}
