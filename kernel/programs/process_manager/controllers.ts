/**
 * Talking to the Controllers: one short-lived channel for each question.
 *
 * A Controller serves each channel in a thread of its own, so a question never
 * waits behind another one; every wait here has a bound.
 * - What cannot be done comes back as a text, the reason; a value is success.
 * - A kernel that died in between is such a reason too, not a fault of the caller.
 */

import { isKernelError, unlessClosed } from "../../abi/errors.ts";
import type { Call, Endpoint, Kernel, KernelRow, MessageFrom } from "../../abi/kernel.ts";
import { takeText } from "../../abi/text.ts";
import { kernelControlContract } from "../../contracts/kernel_control.ts";

export type Controller = Endpoint<typeof kernelControlContract, "client">;
type Answer = MessageFrom<typeof kernelControlContract, "server">;

/** A kernel as an address: its name for people and its Controller's path. */
export type KernelPlace = Pick<KernelRow, "name" | "path">;

const bindTimeoutNs = 2e9;
/** Launching compiles the program for the kernel's ISA when it meets it first. */
const answerTimeoutNs = 20e9;

/** A channel to a kernel's Controller, or why there is none. */
export function* openController(
  kernel: Kernel,
  place: KernelPlace,
  timeoutNs = bindTimeoutNs,
): Call<Controller | string> {
  try {
    return yield* kernel.bind(kernelControlContract, place.path, timeoutNs);
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return `${place.name} has no Controller: ${error.message}`;
  }
}

/** The Controller's next answer; `failed`, silence and a closed channel become the reason. */
export function* answerOf(
  kernel: Kernel,
  place: KernelPlace,
  control: Controller,
): Call<Exclude<Answer, { tag: "failed" }> | string> {
  const event = yield* kernel.select({ control }, answerTimeoutNs);
  if (event.on === "timeout") return `${place.name} does not answer`;
  if (event.on === "unsatisfiable" || event.kind === "closed") return `${place.name} is gone`;
  return event.message.tag === "failed" ? event.message.reason : event.message;
}

/** Asks one question on a channel of its own. */
function* ask(
  kernel: Kernel,
  place: KernelPlace,
  send: (control: Controller) => Call<void>,
): Call<Exclude<Answer, { tag: "failed" }> | string> {
  const control = yield* openController(kernel, place);
  if (typeof control === "string") return control;
  const asked = yield* unlessClosed(send(control));
  const answer = asked ? yield* answerOf(kernel, place, control) : `${place.name} is gone`;
  yield* control.close();
  return answer;
}

/** One table of one kernel, or why it cannot be had. */
export function* tableOf(
  kernel: Kernel,
  place: KernelPlace,
  table: "processes" | "channels" | "heap" | "scheduler" | "transfers" | "devices",
): Call<readonly unknown[] | string> {
  const answer = yield* ask(kernel, place, (control) => control.send(table));
  if (typeof answer === "string") return answer;
  if (answer.tag !== "rows") return `${place.name} answered ${answer.tag}`;
  return JSON.parse(yield* takeText(kernel, answer.json)) as readonly unknown[];
}

/** Ends a process of a kernel; the reason when that cannot be done. */
export function* killOn(kernel: Kernel, place: KernelPlace, pid: number): Call<string | undefined> {
  const answer = yield* ask(kernel, place, (control) => control.send("kill", { pid }));
  return typeof answer === "string" ? answer : undefined;
}
